from __future__ import annotations

import threading
import time

import pytest

from skelstream.pipeline.queues import StageQueue


def filled(queue: StageQueue, items) -> threading.Thread:
    thread = threading.Thread(target=queue.fill, args=(items,))
    thread.start()
    return thread


def test_items_come_in_order_and_then_the_end():
    queue = StageQueue(2)
    thread = filled(queue, iter(range(20)))
    assert list(queue) == list(range(20)) and queue.dropped == 0
    thread.join()


def test_an_error_of_the_writer_reaches_the_reader_after_the_items():
    def items():
        yield 1
        raise ValueError("the disk broke")

    queue, seen = StageQueue(4), []
    thread = filled(queue, items())
    with pytest.raises(ValueError, match="the disk broke"):
        for item in queue:
            seen.append(item)
    thread.join()
    assert seen == [1]


def test_a_full_queue_drops_the_oldest_where_the_newest_counts():
    queue = StageQueue(1, newest=True)
    thread = filled(queue, iter(range(50)))
    thread.join(timeout=0.5)
    assert thread.is_alive()  # the end waits for its place and drops no item
    assert list(queue) == [49] and queue.dropped == 49
    thread.join()


def test_a_reader_that_leaves_releases_the_writer():
    queue = StageQueue(1)
    thread = filled(queue, iter(range(1000)))
    assert next(iter(queue)) == 0
    queue.close()
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_a_closed_queue_ends():
    queue = StageQueue(1)
    threading.Timer(0.1, queue.close).start()
    began = time.monotonic()
    assert list(queue) == [] and time.monotonic() - began < 5
