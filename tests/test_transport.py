"""Batches, options, states and several topics in one app, against a real server."""

import asyncio

import pytest
from faust.exceptions import ImproperlyConfigured, ProducerSendError
from faust_apps import new_app, run, started, until
from hypothesis import given
from hypothesis import strategies as st
from log_server import jetstream, publish
from nats.js.errors import NotFoundError

from worker.transport import Message, Options, statistics
from worker.transport.source import Source

COUNT = 120


def numbers(batch):
    return [message.sequence for message in batch]


def collect(app, topic, seen):
    @app.agent(topic, name=f"collect-{topic.topics[0]}")
    async def handle(stream):
        async for batch in stream:
            async with batch:
                seen.extend(batch)


def test_a_message_says_where_when_and_how_often(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path), []
    collect(app, app.topic("EVENTS"), seen)

    async def test():
        async with jetstream(nats_url) as js:
            await js.add_stream(name="EVENTS", subjects=["EVENTS.>"])
            await js.publish("EVENTS.a.b", b'{"n": 1}', headers={"Kind": "first"})
            await js.publish("EVENTS.c", b"")
            async with started(app) as transport:
                await transport.drained()
            return (await js.get_msg("EVENTS", 1)).time

    stored = run(test())
    first, second = seen
    assert first[:5] == ("EVENTS", 1, "EVENTS.a.b", b'{"n": 1}', {"Kind": "first"})
    assert first.timestamp == pytest.approx(stored.timestamp(), abs=1e-5)
    assert (first.num_delivered, first.pending) == (1, 1)
    assert second[1:5] == (2, "EVENTS.c", b"", None)
    assert second.pending == 0


@given(st.integers(1, 2**63), st.integers(1, 2**31), st.integers(0, 2**40), st.booleans())
def test_metadata_is_read_from_old_and_new_reply_subjects(sequence, delivered, pending, new):
    domain = "hub.ACCOUNTHASH." if new else ""
    suffix = ".random" if new else ""
    reply = f"$JS.ACK.{domain}EVENTS.app.{delivered}.{sequence}.7.1700000000500000000.{pending}{suffix}"
    message = Message.read("EVENTS.x", reply, b"data", None)
    assert (message.stream, message.sequence) == ("EVENTS", sequence)
    assert message[5:] == (1700000000.5, delivered, pending, reply)


def test_a_stream_is_read_by_several_durables_and_an_app_reads_several_streams(nats_url, tmp_path):
    app = new_app(nats_url, tmp_path)
    insights, context, other = [], [], []
    collect(app, app.topic("insights", config={"stream": "EVENTS", "durable": "insights"}), insights)
    collect(app, app.topic("context", config={"stream": "EVENTS", "durable": "context"}), context)
    collect(app, app.topic("OTHER"), other)

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, COUNT)
            await publish(js, 30, stream="OTHER")
            async with started(app) as transport:
                await transport.drained()
                return await transport.statistics()

    states = run(test())
    assert numbers(insights) == numbers(context) == list(range(1, COUNT + 1))
    assert numbers(other) == list(range(1, 31))
    assert sorted(states) == ["OTHER", "context", "insights"]
    assert states["OTHER"][:10] == ("OTHER", "app", 0, 0, 0, 30, 30, 1, 30, 30)
    assert states["insights"].bytes > COUNT * 16
    assert states["insights"].drained


def test_options_come_from_the_broker_url_and_the_topic(nats_url, tmp_path):
    app, sizes = new_app(f"{nats_url}?batch=40&durable=shared", tmp_path), []

    @app.agent(app.topic("EVENTS", config={"batch": 50}))
    async def handle(stream):
        async for batch in stream:
            async with batch:
                sizes.append((batch.options.durable, len(batch)))

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 100)
            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert sizes == [("shared", 50), ("shared", 50)]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([{"batch": "0"}], "topic 'T': Expected `int` >= 1 - at `$.batch`"),
        ([{"ack_wait": "soon"}], "topic 'T': Expected `float`, got `str` - at `$.ack_wait`"),
        ([{"batch": 5}, {"bach": 6}], "topic 'T': Object contains unknown field `bach`"),
    ],
)
def test_a_wrong_option_is_named(layers, expected):
    with pytest.raises(ImproperlyConfigured) as caught:
        Options.read("T", "app", *layers)
    assert str(caught.value).startswith(expected)


def test_later_options_win_and_strings_are_numbers():
    options = Options.read("T", "app", {"batch": "10", "ack_wait": "4"}, {"batch": 20, "filter": "a.>, b"})
    assert (options.stream, options.durable, options.batch, options.ack_wait) == ("T", "app", 20, 4.0)
    assert options.filters == ["a.>", "b"]


@pytest.mark.parametrize(("subjects", "count"), [("EVENTS.1", 40), ("EVENTS.1,EVENTS.2", 80)])
def test_a_filter_reads_its_subjects_only(nats_url, tmp_path, subjects, count):
    app, seen = new_app(nats_url, tmp_path), []
    collect(app, app.topic("EVENTS", config={"filter": subjects}), seen)

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, COUNT)
            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert len(seen) == count
    assert {message.subject for message in seen} == set(subjects.split(","))


def test_two_readers_of_a_topic_are_refused(nats_url, tmp_path):
    app = new_app(nats_url, tmp_path)
    for name in ("one", "two"):

        @app.agent(app.topic("EVENTS"), name=name)
        async def handle(stream):
            async for batch in stream:
                await batch.ack()

    assert_refused(app, "topic 'EVENTS' has 2 readers: give each a topic with a durable of its own")


def test_two_topics_on_one_durable_are_refused(nats_url, tmp_path):
    app = new_app(nats_url, tmp_path)
    collect(app, app.topic("EVENTS"), [])
    collect(app, app.topic("again", config={"stream": "EVENTS"}), [])
    assert_refused(app, "topics 'EVENTS' and 'again' read one durable, 'app': give each its own", swapped=True)


def assert_refused(app, text, *, swapped=False):
    async def test():
        async with started(app):
            await until(lambda: app.crash_reason)

    run(test())
    assert isinstance(app.crash_reason, ImproperlyConfigured)
    texts = {text, text.replace("'EVENTS' and 'again'", "'again' and 'EVENTS'")} if swapped else {text}
    assert str(app.crash_reason) in texts


def test_a_durable_of_another_kind_is_refused(nats_url, tmp_path):
    app = new_app(nats_url, tmp_path)
    collect(app, app.topic("EVENTS"), [])

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 1)
            await js.add_consumer("EVENTS", durable_name="app", ack_policy="none")
            async with started(app):
                await until(lambda: app.crash_reason)

    run(test())
    assert str(app.crash_reason).startswith("durable 'app' of 'EVENTS': ")


def test_drained_means_the_end_as_it_is_now_though_more_is_published(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path), []
    collect(app, app.topic("EVENTS", config={"batch": 10}), seen)

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, COUNT)

            enough = asyncio.Event()

            async def go_on():
                while not enough.is_set():
                    await js.publish("EVENTS.more", b"")

            more = asyncio.create_task(go_on())
            async with started(app) as transport:
                await transport.drained()
            enough.set()
            await more

    run(test())
    assert set(range(1, COUNT + 1)) <= set(numbers(seen))


def test_drained_waits_for_what_is_not_acked_yet(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path), []

    @app.agent(app.topic("EVENTS"))
    async def handle(stream):
        async for batch in stream:
            async with batch:
                await asyncio.sleep(1)
                seen.extend(numbers(batch))

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 5)
            async with started(app) as transport:
                await transport.drained()
                return list(seen)

    assert run(test()) == [1, 2, 3, 4, 5]


def test_a_server_that_says_for_a_moment_that_nothing_is_pending_is_not_believed(nats_url, tmp_path, monkeypatch):
    """It does so while it makes or recovers a durable."""
    app, seen, answers = new_app(nats_url, tmp_path), [], []
    ask = Source.statistics

    async def statistics_at_first_wrong(source):
        state = await ask(source)
        answers.append(state)
        return state._replace(lag=0, ack_pending=0, ack_floor=0) if len(answers) <= 2 else state

    monkeypatch.setattr(Source, "statistics", statistics_at_first_wrong)

    @app.agent(app.topic("EVENTS"))
    async def handle(stream):
        async for batch in stream:
            async with batch:
                await asyncio.sleep(0.5)
                seen.extend(numbers(batch))

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 5)
            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert seen == [1, 2, 3, 4, 5]


def test_an_empty_stream_is_drained(nats_url, tmp_path):
    app = new_app(nats_url, tmp_path)
    collect(app, app.topic("EVENTS"), [])

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 0)
            async with started(app) as transport:
                await transport.drained()
                return (await transport.statistics())["EVENTS"]

    assert run(test())[2:] == (0, 0, 0, 0, 0, 0, 0, 0, 0)


def test_states_of_what_is_not_there_are_an_error_not_zeros(nats_url):
    async def test():
        async with jetstream(nats_url) as js:
            with pytest.raises(NotFoundError):
                await statistics(js, "EVENTS", "app")
            await publish(js, 1)
            with pytest.raises(NotFoundError):
                await statistics(js, "EVENTS", "app")

    run(test())


def test_an_app_publishes_to_subjects(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path), []
    collect(app, app.topic("EVENTS"), seen)

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 0)
            async with started(app) as transport:
                sent = await app.topic("EVENTS.new").send(key="k", value={"n": 1}, headers={"Nats-Msg-Id": "once"})
                again = await app.topic("EVENTS.new").send(key="k", value={"n": 1}, headers={"Nats-Msg-Id": "once"})
                app.topic("EVENTS.soon").send_soon(value="later")
                assert [(await record).offset for record in (sent, again)] == [1, 1]
                await app.producer.flush()
                await until(lambda: len(seen) == 2)
                await transport.drained()
                with pytest.raises(ProducerSendError):
                    await app.producer.send_and_wait("nowhere", None, b"", None, None, None)

    run(test())
    assert [(message.subject, message.data) for message in seen] == [
        ("EVENTS.new", b'{"n":1}'),
        ("EVENTS.soon", b'"later"'),
    ]
    assert seen[0].headers == {"Nats-Msg-Id": "once", "Faust-Key": "k"}
