// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform

/// What the process may use, and who says so.
package struct MemoryBound: Sendable, Equatable {
    package enum Source: String, Sendable {
        /// The setting `memory_limit`.
        case configured
        /// The limit of the control group, as containers and units of systemd have it.
        case cgroup
        /// The memory there is.
        case machine
    }

    package let byteCount: Int
    package let source: Source

    /// What is configured; else the less of the control group's limit and the machine's memory.
    ///
    /// All of the machine's counts, as all of a control group's does: what is planned comes with an
    /// eighth that is nobody's, and seldom is all of it touched.
    package init?(configured: Int?, cgroup: Int?, machine: Int?) {
        if let configured {
            (byteCount, source) = (configured, .configured)
        } else if let cgroup, cgroup < machine ?? .max {
            (byteCount, source) = (cgroup, .cgroup)
        } else if let machine {
            (byteCount, source) = (machine, .machine)
        } else {
            return nil
        }
    }

    /// As it is for this process; nil where nothing is configured and `/proc` says nothing.
    package init?(_ settings: Settings) {
        self.init(
            configured: settings.memoryLimit,
            cgroup: memoryLimitByteCount(),
            machine: machineMemoryByteCount()
        )
    }

    /// What would make it more.
    package var remedy: String {
        switch source {
        case .configured: "raise memory_limit"
        case .cgroup: "raise the container's memory limit"
        case .machine: "give the machine more memory"
        }
    }
}

extension MemoryBound: CustomStringConvertible {
    /// Such as `512MiB, the container's limit`; whole MiB, as budgets are.
    package var description: String {
        let whole = (byteCount >> 20) << 20
        let words =
            switch source {
            case .configured: "as memory_limit says"
            case .cgroup: "the container's limit"
            case .machine: "the machine's memory"
            }
        return "\(byteSizeText(whole == 0 ? byteCount : whole)), \(words)"
    }
}
