# SPDX-License-Identifier: Apache-2.0
"""Stops one thread of a process, as a lock that never opens would (ptrace(2))."""

import contextlib
import ctypes
import os
import pathlib
import threading

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
libc = ctypes.CDLL(None, use_errno=True)


def thread_named(process, name):
    for task in pathlib.Path(f"/proc/{process}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise AssertionError(f"process {process} has no thread {name}")


def ptrace(request, task):
    libc.ptrace.argtypes = [ctypes.c_ulong, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, task, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


@contextlib.contextmanager
def stuck(process, name):
    """The named thread does not run inside the context; all others do."""
    task = thread_named(process, name)
    stopped, release, failure = threading.Event(), threading.Event(), []

    def hold():  # Every request must come from the thread that seized.
        try:
            ptrace(SEIZE, task)
            ptrace(INTERRUPT, task)
            os.waitpid(task, 0x40000000)  # __WALL
            stopped.set()
            release.wait()
            ptrace(DETACH, task)
        except OSError as error:
            failure.append(error)
            stopped.set()

    holder = threading.Thread(target=hold)
    holder.start()
    stopped.wait()
    try:
        assert not failure, failure
        yield
    finally:
        release.set()
        holder.join()
