// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// Lets the calling thread wait; not for a loop's.
package func sleepFor(_ duration: Duration) {
    var left = timespec(
        tv_sec: Int(duration.components.seconds),
        tv_nsec: Int(duration.components.attoseconds / 1_000_000_000)
    )
    var rest = timespec()
    while unsafe nanosleep(&left, &rest) != 0, errno == EINTR { left = rest }
}
