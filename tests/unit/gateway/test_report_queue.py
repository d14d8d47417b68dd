import asyncio

from gateway.batch import Arrived
from gateway.registry import Fitted
from gateway.report_queue import Bounds, ReportQueue

LONG = 60.0


def arrived(size: int = 1) -> Arrived:
    return Arrived("d", Fitted("a", "demo", 0), b"x" * size, 0)


def done() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


async def test_there_is_room_for_so_many_reports_and_bytes() -> None:
    queue = ReportQueue(Bounds(reports=2, bytes=10))
    assert not queue.put(arrived(11))
    assert [queue.put(arrived(4)) for _ in range(3)] == [True, True, False]
    assert len(queue.take()) == 2
    assert queue.put(arrived(10))


async def test_a_full_batch_does_not_wait() -> None:
    queue = ReportQueue(Bounds(linger_s=LONG, batch_reports=2))
    for _ in range(5):
        queue.put(arrived())
    sizes = []
    for _ in range(2):
        await asyncio.wait_for(queue.gather(asyncio.get_running_loop().create_future()), 1)
        sizes.append(len(queue.take()))
    assert sizes == [2, 2]
    assert len(queue) == 1


async def test_a_batch_grows_while_an_append_is_on_its_way() -> None:
    queue = ReportQueue(Bounds(linger_s=0.0))
    appending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    queue.put(arrived())
    gathering = asyncio.create_task(queue.gather(appending))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not gathering.done()
    queue.put(arrived())
    appending.set_result(None)
    await asyncio.wait_for(gathering, 1)
    assert len(queue.take()) == 2


async def test_a_busy_batch_waits_longer_and_no_longer_than_until_it_is_full() -> None:
    queue = ReportQueue(Bounds(linger_s=0.0, busy_linger_s=LONG, busy_reports=2, batch_reports=4))
    queue.put(arrived())
    await asyncio.wait_for(queue.gather(done()), 1)
    queue.put(arrived())
    gathering = asyncio.create_task(queue.gather(done()))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not gathering.done()
    queue.put(arrived())
    queue.put(arrived())
    await asyncio.wait_for(gathering, 1)
    assert len(queue.take()) == 4


async def test_waking_ends_the_wait_for_the_first() -> None:
    queue = ReportQueue(Bounds(linger_s=0.0))
    gathering = asyncio.create_task(queue.gather(done()))
    queue.wake()
    await asyncio.wait_for(gathering, 1)
    assert queue.take() == []
