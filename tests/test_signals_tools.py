"""What tools' names and calls tell: which only look, which failure a later call made good, which failures are one."""

import pytest

from analytics.signals.tools import hands_over, reads


@pytest.mark.parametrize(
    "tool",
    [
        "get_order",
        "read",
        "searchContacts",
        "web_search",
        "memory_get",
        "mcp__crm__search_contacts",
        "crm.get_contact",
        "shop/list-orders",
    ],
)
def test_a_tool_that_looks(tool):
    assert reads(tool)


@pytest.mark.parametrize(
    "tool",
    [
        "transfer_money",
        "transfer_to_savings",
        "checkout_cart",
        "categorize_mail",
        "memory_store",
        "listing_create",
        "mcp__crm__create_contact",
        "readjust",
        "発注",
    ],
)
def test_a_tool_that_acts(tool):
    assert not reads(tool)


@pytest.mark.parametrize(
    "tool", ["transfer_to_human_agents", "transferToHuman", "escalate", "contact_support", "mcp__desk__hand_off"]
)
def test_a_tool_that_hands_over_to_a_person_changes_nothing(tool):
    assert hands_over(tool)
    assert reads(tool)
