"""A read has one deadline for all of it, however the bytes are spread."""

from __future__ import annotations

import socket
import threading
import time

from chat.web.senders import LOOK_SECONDS, Senders


def look_on(senders: Senders, over: threading.Event) -> threading.Thread:
    def look() -> None:
        while not over.wait(LOOK_SECONDS / 2):
            senders.end_late()

    thread = threading.Thread(target=look)
    thread.start()
    return thread


def read_all(sock: socket.socket) -> bytes:
    read = b""
    while chunk := sock.recv(1):
        read += chunk
    return read


def test_a_sender_of_a_byte_now_and_then_is_ended_and_can_still_be_answered() -> None:
    ours, theirs = socket.socketpair()
    senders, over = Senders(), threading.Event()
    looking = look_on(senders, over)

    def drip() -> None:
        while not over.wait(0.1):
            try:
                theirs.send(b"x")
            except OSError:
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    with ours, theirs:
        with senders.connection(ours):
            began = time.monotonic()
            with senders.within(0.6):
                assert read_all(ours)
            assert 0.5 < time.monotonic() - began < 2
            assert senders.ended()
            ours.sendall(b"too late")
        assert theirs.recv(8) == b"too late"
        over.set()
        dripping.join()
    looking.join()


def test_who_is_in_time_is_left_alone_and_a_thread_without_a_connection_too() -> None:
    ours, theirs = socket.socketpair()
    senders = Senders()
    with senders.within(0.0):
        assert not senders.ended()
    with ours, theirs, senders.connection(ours):
        with senders.within(5):
            theirs.send(b"x")
            assert ours.recv(1) == b"x"
        time.sleep(LOOK_SECONDS)
        senders.end_late()
        assert not senders.ended()
