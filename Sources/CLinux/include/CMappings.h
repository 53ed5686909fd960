// SPDX-License-Identifier: Apache-2.0
// Reads behind the end of a mapped file that was cut: zeros and a mark instead of the process's end.
#pragma once
#include <stdbool.h>
#include <stddef.h>

/// Watches a read-only mapping of `count` bytes, until `linux_unwatch_mapping`.
///
/// From the first page of it that the kernel cannot fill, all further ones become zeros, and the
/// mapping is damaged. Faults anywhere else go where they went before.
///
/// Returns what the other two take, or -1 when there are as many as are watched at once.
int linux_watch_mapping(const void *base, size_t count);

/// Whether some of it was lost; it stays so.
bool linux_is_mapping_damaged(int watch);

/// Ends the watching, once nobody reads the mapping any more and before it is unmapped.
void linux_unwatch_mapping(int watch);
