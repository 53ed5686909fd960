# SPDX-License-Identifier: Apache-2.0
"""All cases, subject by subject."""

from . import chunks, connections, expectations, fields, framing, limits, methods, request_line, targets

SUBJECTS = {
    "request line": request_line.CASES,
    "target": targets.CASES,
    "fields": fields.CASES,
    "methods": methods.CASES,
    "framing": framing.CASES,
    "chunks": chunks.CASES,
    "expectations": expectations.CASES,
    "connections": connections.CASES,
    "limits": limits.CASES,
}
