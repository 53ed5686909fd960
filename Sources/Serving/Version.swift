// SPDX-License-Identifier: Apache-2.0

/// The daemon's version, as `serin version`, `/v2` and the metrics say it.
package let serinVersion = "0.1.0"
