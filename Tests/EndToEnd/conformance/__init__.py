# SPDX-License-Identifier: Apache-2.0
"""What HTTP/1.1 lets a server do with given bytes, as data, and a judge of what one did.

`case.py` says what a case is, `wire.py` sends and reads, `judge.py` compares, `table.py` gathers the cases, which lie
in one file for each subject. `Tests/EndToEnd/test_conformance.py` runs them against the real daemon, `run` by hand
against any server.
"""
