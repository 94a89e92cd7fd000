"""What Faust does that would lose or repeat events on JetStream, each by its effect (docs/transport.md lists them)."""

import asyncio
import time

import faust
import pytest
from faust.exceptions import ImproperlyConfigured
from faust_apps import new_app, run, started, until
from log_server import NatsServer, jetstream, publish

from worker.transport import statistics

COUNT = 300


def sequences(batches):
    return [message.sequence for batch in batches for message in batch]


def test_an_assignment_that_waits_for_the_subscription_does_not_block_the_start(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path), []

    @app.agent(app.topic("EVENTS"))
    async def handle(stream):
        async for batch in stream:
            async with batch:
                seen.append(batch)

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, COUNT)
            async with started(app):
                await until(lambda: len(sequences(seen)) == COUNT)

    run(test())
    assert sequences(seen) == list(range(1, COUNT + 1))


def test_the_automatic_acks_of_compiled_streams_ack_nothing(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path), []

    @app.agent(app.topic("EVENTS", config={"backoff": 0}))
    async def handle(stream):
        async for batch in stream:  # Faust acks the event at the end of each round
            seen.append(batch)  # noqa: PERF401

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, COUNT)
            async with started(app):
                await until(lambda: len(sequences(seen)) >= 2 * COUNT)
                await app.consumer.commit()
            return await statistics(js, "EVENTS", "app")

    assert run(test()).ack_floor == 0
    assert {message.num_delivered for message in seen[0]} == {1}
    assert {message.num_delivered for message in seen[1]} == {2}


def test_a_redelivered_message_reaches_its_handler_though_later_ones_were_handled(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path), []

    @app.agent(app.topic("EVENTS", config={"batch": 1}))
    async def handle(stream):
        async for batch in stream:
            seen.append((batch[0].sequence, batch[0].num_delivered))
            if seen[-1] == (1, 1):
                await batch.nak(delay=0.5)
            else:
                await batch.ack()

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 3)
            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert seen == [(1, 1), (2, 1), (3, 1), (1, 2)]


def test_faust_handles_one_event_a_batch_however_many_messages(nats_url, tmp_path):
    app, sizes = new_app(nats_url, tmp_path), []

    @app.agent(app.topic("EVENTS", config={"batch": 100}))
    async def handle(stream):
        async for event in stream.events():
            sizes.append(len(event.value))
            await event.value.ack()

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, COUNT)
            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert sizes == [100, 100, 100]
    assert app.monitor.events_total == 3


@pytest.mark.parametrize("reader", ["plain", "events", "noack"])
def test_nothing_is_lost_when_a_handler_raises(nats_url, tmp_path, reader):
    app, done, failures = new_app(nats_url, tmp_path), [], []

    async def work(batch):
        async with batch:
            if not failures and 150 in sequences([batch]):
                failures.append(batch)
                raise RuntimeError("the database said no")
            done.extend(sequences([batch]))

    @app.agent(app.topic("EVENTS", config={"batch": 100, "backoff": 0.1}))
    async def handle(stream):
        if reader == "events":
            async for event in stream.events():
                await work(event.value)
        else:
            async for batch in stream.noack() if reader == "noack" else stream:
                await work(batch)

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, COUNT)
            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert len(failures) == 1
    assert sorted(done) == list(range(1, COUNT + 1))


def test_a_handler_that_raises_before_it_settles_anything_gets_its_batch_again(nats_url, tmp_path):
    app, done, failures = new_app(nats_url, tmp_path, stream_ack_exceptions=True), [], []

    @app.agent(app.topic("EVENTS", config={"batch": 100, "backoff": 0.1}))
    async def handle(stream):
        async for batch in stream:
            if not failures:
                failures.append(batch)
                raise RuntimeError("never seen before")
            done.extend(sequences([batch]))
            await batch.ack()

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, COUNT)
            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert len(failures) == 1
    assert sorted(done) == list(range(1, COUNT + 1))


def test_nothing_is_lost_when_a_handler_raises_inside_take(nats_url, tmp_path):
    """Faust does not go on after it, so a batch is better taken whole; but the next worker gets everything."""
    seen, done = [], []

    def app_with(handler):
        app = new_app(nats_url, tmp_path)

        @app.agent(app.topic("EVENTS", config={"batch": 100}))
        async def handle(stream):
            async for batches in stream.take(20, within=0.1):
                await handler(batches)

        return app

    async def fail(batches):
        seen.extend(batches)
        raise RuntimeError("the database said no")

    async def work(batches):
        for batch in batches:
            done.extend(sequences([batch]))
            await batch.ack()

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, COUNT)
            async with started(app_with(fail)):
                await until(lambda: seen)
            async with started(app_with(work)) as transport:
                await transport.drained()

    run(test())
    assert sorted(done) == list(range(1, COUNT + 1))


def test_a_batch_given_back_for_long_does_not_hold_up_the_end(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path, stream_wait_empty=True), []

    @app.agent(app.topic("EVENTS"))
    async def handle(stream):
        async for batch in stream.noack():
            await batch.nak(delay=3600)
            seen.append(batch)

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 1)
            async with started(app):
                await until(lambda: seen)
            return await statistics(js, "EVENTS", "app")

    assert run(test()).ack_pending == 1


def test_a_handler_that_hangs_holds_up_the_end_for_its_time_only_and_loses_nothing(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path, stream_wait_empty=True), []

    @app.agent(app.topic("EVENTS", config={"batch": 10, "drain": 0.2}))
    async def handle(stream):
        async for batch in stream:
            seen.append(batch)
            await asyncio.Event().wait()

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 30)
            async with started(app):
                await until(lambda: seen)
                while (await statistics(js, "EVENTS", "app")).delivered < 20:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            state = await statistics(js, "EVENTS", "app")
            fetched = await (await js.pull_subscribe_bind("app", "EVENTS")).fetch(30, timeout=10)
            return state, fetched

    state, fetched = run(test())
    assert (state.ack_floor, state.ack_pending) == (0, 20)
    assert len(fetched) == 30  # at once: what was held had been given back


def test_a_topic_added_late_is_read_soon(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path), []

    @app.agent(app.topic("EVENTS"))
    async def handle(stream):
        async for batch in stream:
            await batch.ack()

    @app.task
    async def late():
        async for batch in app.topic("LATE").stream():
            seen.append(batch)
            await batch.ack()

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, COUNT)
            await publish(js, COUNT, stream="LATE")
            async with started(app):
                await until(lambda: len(sequences(seen)) == COUNT)

    begin = time.monotonic()
    run(test())
    assert time.monotonic() - begin < 45  # Faust's own pause


def test_an_ack_does_not_wait_for_the_commit_interval(nats_url, tmp_path):
    app, states = new_app(nats_url, tmp_path, broker_commit_interval=3600), []

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, COUNT)

            @app.agent(app.topic("EVENTS", config={"batch": COUNT}))
            async def handle(stream):
                async for batch in stream:
                    assert await batch.ack()
                    states.append(await statistics(js, "EVENTS", "app"))

            async with started(app):
                await until(lambda: states)

    run(test())
    assert (states[0].ack_floor, states[0].ack_pending) == (COUNT, 0)


def test_what_waits_for_a_slow_handler_is_not_delivered_again(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path), []

    @app.agent(app.topic("EVENTS", config={"batch": 10, "ack_wait": 2}))
    async def handle(stream):
        async for batch in stream:
            seen.extend((message.sequence, message.num_delivered) for message in batch)
            await asyncio.sleep(3)
            await batch.ack()

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 30)
            async with started(app) as transport:
                await transport.drained()

    run(test())
    assert seen == [(number, 1) for number in range(1, 31)]


def test_what_is_held_while_the_server_is_away_comes_once_when_it_returns_in_time(nats_server: NatsServer, tmp_path):
    app, seen = new_app(nats_server.url, tmp_path), []

    @app.agent(app.topic("EVENTS", config={"batch": 100, "ack_wait": 20}))
    async def handle(stream):
        async for batch in stream:
            async with batch:
                seen.extend(sequences([batch]))
                if len(seen) == 100:
                    await asyncio.to_thread(nats_server.stop)  # in order: killed, it may forget what it delivered last
                    await asyncio.sleep(3)
                    await asyncio.to_thread(nats_server.start)

    async def test():
        async with jetstream(nats_server.url) as js:
            await publish(js, 1000)
        async with started(app) as transport:
            await transport.drained()

    run(test())
    assert sorted(seen) == list(range(1, 1001))


def test_tables_are_refused_for_they_would_lose_their_state(nats_url, tmp_path):
    app = new_app(nats_url, tmp_path)
    app.Table("counts", default=int)

    @app.agent(app.topic("EVENTS"))
    async def handle(stream):
        async for batch in stream:
            await batch.ack()

    async def test():
        async with started(app):
            await until(lambda: app.crash_reason)

    run(test())
    assert isinstance(app.crash_reason, ImproperlyConfigured)
    assert str(app.crash_reason).startswith("Faust recovers tables from Kafka only, so counts would lose their state")


def test_blocking_work_in_a_thread_keeps_its_batch_and_the_loop_free(nats_url, tmp_path):
    app, seen, answers = new_app(nats_url, tmp_path), [], []

    @app.agent(app.topic("EVENTS", config={"ack_wait": 2}))
    async def handle(stream):
        async for batch in stream:
            seen.extend((message.sequence, message.num_delivered) for message in batch)
            await asyncio.to_thread(time.sleep, 5)
            await batch.ack()

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 10)
            async with started(app) as transport:
                await until(lambda: seen)
                while not answers or answers[-1].ack_pending:
                    answers.append((await transport.statistics())["EVENTS"])

    run(test())
    assert seen == [(number, 1) for number in range(1, 11)]
    assert len(answers) > 10


def test_on_error_is_not_needed(nats_url, tmp_path):
    """`app.agent(on_error=)` raises; an agent that fails is started again, and its batch given back, without it."""
    app = new_app(nats_url, tmp_path)
    with pytest.raises(TypeError):

        @app.agent(app.topic("EVENTS"), on_error=print)
        async def handle(stream):
            """Never reached."""

    assert isinstance(app, faust.App)
