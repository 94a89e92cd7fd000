"""What a handler gets and can say: bounds, acks, delays, poison."""

import asyncio
from itertools import pairwise

from faust_apps import new_app, run, started, until
from log_server import jetstream, publish

from worker.transport import statistics
from worker.transport.batch import confirm
from worker.transport.connection import Connection

COUNT = 120


def numbers(batch):
    return [message.sequence for message in batch]


def test_workers_of_an_agent_have_a_batch_each(nats_url, tmp_path):
    app, together, most = new_app(nats_url, tmp_path), [], []

    @app.agent(app.topic("EVENTS", config={"batch": 10}), concurrency=3)
    async def handle(stream):
        async for batch in stream:
            together.append(batch)
            most.append(len(together))
            await asyncio.sleep(0.05)
            together.remove(batch)
            await batch.ack()

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, COUNT)
            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert max(most) == 3


def test_never_more_is_fetched_than_the_batch_in_hand_and_one_in_waiting(nats_url, tmp_path):
    app, held = new_app(nats_url, tmp_path), []

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 1000, size=1000)

            @app.agent(app.topic("EVENTS", config={"batch": 100, "max_bytes": 50_000}))
            async def handle(stream):
                async for batch in stream:
                    await asyncio.sleep(0.05)
                    state = await statistics(js, "EVENTS", "app")
                    held.append((len(batch), sum(len(message.data) for message in batch), state.ack_pending))
                    await batch.ack()

            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert max(count for count, _, _ in held) <= 50
    assert max(size for _, size, _ in held) <= 50_000
    assert max(pending for _, _, pending in held) <= 100


def test_a_message_larger_than_a_batch_may_be_comes_alone(nats_url, tmp_path):
    app, sizes = new_app(nats_url, tmp_path), []

    @app.agent(app.topic("EVENTS", config={"max_bytes": 2000}))
    async def handle(stream):
        async for batch in stream:
            async with batch:
                sizes.append([len(message.data) for message in batch])

    async def test():
        async with jetstream(nats_url) as js:
            await js.add_stream(name="EVENTS", subjects=["EVENTS.>"])
            for size in (10, 20, 500_000, 30, 900_000, 40):
                await js.publish("EVENTS.x", b"x" * size)
            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert sizes == [[10, 20], [500_000], [30], [900_000], [40]]


def test_an_ack_of_a_batch_is_confirmed_for_all_of_it_at_once(nats_url):
    """The server's answer to the last ack stands for those before it on the connection."""

    async def test():
        connection, floors = Connection([nats_url], "test"), []
        async with jetstream(nats_url) as js:
            await publish(js, 2000)
            await js.add_consumer("EVENTS", durable_name="app", ack_policy="explicit", max_ack_pending=5000)
            subscription = await js.pull_subscribe_bind("app", "EVENTS")
            for _ in range(4):
                messages = [message for _ in range(5) for message in await subscription.fetch(100)]
                assert await confirm(connection, [(message.reply, b"+ACK") for message in messages])
                state = await statistics(js, "EVENTS", "app")
                floors.append((state.ack_floor, state.ack_pending))
        await connection.close()
        return floors

    assert run(test()) == [(500, 0), (1000, 0), (1500, 0), (2000, 0)]


def test_acks_for_a_consumer_that_is_gone_end_as_unconfirmed(nats_url, tmp_path):
    app, results = new_app(nats_url, tmp_path), []

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 1)

            @app.agent(app.topic("EVENTS"))
            async def handle(stream):
                async for batch in stream:
                    if not results:
                        await js.delete_stream("EVENTS")
                    results.append(await batch.ack())

            async with started(app):
                await until(lambda: results)
                await publish(js, 1)  # the stream is there again, and is read from its start
                await until(lambda: len(results) == 2)

    run(test())
    assert results == [False, True]


def test_given_back_messages_come_later_each_time(nats_url, tmp_path):
    app, times = new_app(nats_url, tmp_path), []

    @app.agent(app.topic("EVENTS", config={"backoff": 0.3, "backoff_max": 0.6}))
    async def handle(stream):
        async for batch in stream:
            times.append((asyncio.get_running_loop().time(), batch[0].num_delivered))
            await (batch.ack() if len(times) == 4 else batch.nak())

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 1)
            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert [delivered for _, delivered in times] == [1, 2, 3, 4]
    pauses = [round(late - early, 3) for (early, _), (late, _) in pairwise(times)]
    assert all(pause >= least for pause, least in zip(pauses, [0.3, 0.6, 0.6], strict=True))


def test_parts_of_a_batch_are_settled_one_by_one(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path), []

    @app.agent(app.topic("EVENTS", config={"backoff": 0.1}))
    async def handle(stream):
        async for batch in stream:
            seen.append([(message.sequence, message.num_delivered) for message in batch])
            if len(seen) == 1:
                await batch.ack(batch[:3])
                await batch.term([batch[3]], "no event:\nbroken JSON")
                await batch.ack(batch[:4])  # settled already: nothing happens
                assert numbers(batch.open) == [5, 6]
                assert not batch.settled
                await batch.nak([batch[5]])
            await batch.ack()
            assert batch.settled

    async def test():
        async with jetstream(nats_url) as js:
            advisories = await js._nc.subscribe("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>")
            await publish(js, 6)
            async with started(app) as transport:
                await transport.drained()
            return (await advisories.next_msg(2)).data

    advisory = run(test())
    assert seen == [[(number, 1) for number in range(1, 7)], [(6, 2)]]
    assert b'"reason":"no event: broken JSON"' in advisory


def test_poison_reaches_its_limit_in_sight_and_is_terminated_by_the_app(nats_url, tmp_path):
    app, tries, letters = new_app(nats_url, tmp_path), [], []

    @app.agent(app.topic("EVENTS", config={"backoff": 0, "max_deliver": 3}))
    async def handle(stream):
        async for batch in stream:
            tries.append((len(batch), numbers(batch.last_try), numbers(batch.spent)))
            good = [message for message in batch if message.sequence != 4]
            await batch.ack(good)
            if batch.last_try:
                letters.extend(batch.last_try)
                await batch.term(batch.last_try, "bad")
            await batch.nak()

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 6)
            async with started(app) as transport:
                await transport.drained()
                return (await transport.statistics())["EVENTS"]

    state = run(test())
    assert tries == [(6, [], []), (1, [], []), (1, [4], [])]
    assert [(letter.sequence, letter.num_delivered, letter.data[:1]) for letter in letters] == [(4, 3, b"3")]
    assert (state.ack_floor, state.ack_pending, state.lag) == (6, 0, 0)


def test_a_message_no_worker_survived_is_marked_as_spent(nats_url, tmp_path):
    app, spent = new_app(nats_url, tmp_path), []

    @app.agent(app.topic("EVENTS", config={"max_deliver": 2}))
    async def handle(stream):
        async for batch in stream:
            spent.extend(numbers(batch.spent))
            await batch.term(batch.spent)
            await batch.ack()

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 2)
            await js.add_consumer("EVENTS", durable_name="app", ack_policy="explicit")
            subscription = await js.pull_subscribe_bind("app", "EVENTS")
            for _ in range(2):
                for message in await subscription.fetch(2):
                    await message.nak()
            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert spent == [1, 2]


def test_a_batch_held_for_too_long_goes_to_others(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path), []

    @app.agent(app.topic("EVENTS", config={"ack_wait": 1, "hold": 1.5}), concurrency=2)
    async def handle(stream):
        async for batch in stream:
            seen.append(batch[0].num_delivered)
            if len(seen) == 1:
                await asyncio.Event().wait()
            await batch.ack()

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 10)
            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert seen == [1, 2]
