// SPDX-License-Identifier: Apache-2.0

/// The packages of a Python environment, each pinned to a version: what `pip-compile`, `uv pip compile`
/// and `pip freeze` write.
package struct EnvironmentLock: Sendable, Equatable {
    /// One pinned package.
    package struct Package: Sendable, Equatable {
        /// In the spelling of PEP 503.
        package var name: String
        package var version: String
        package var extras: [String]
        /// For which environments the pin counts, such as `python_version < "3.11"`; nil for all.
        package var marker: String?
        package var hashCount: Int
        /// Where it stands in the file, from 1.
        package var line: Int
    }

    /// In the order of the file.
    package var packages: [Package]

    /// The pins of a package, of which there are several only where markers tell them apart.
    package func pins(of name: String) -> [Package] {
        let wanted = normalizedPackageName(name)
        return packages.filter { $0.name == wanted }
    }

    /// Packages without a hash: their version is known, and not which files that was.
    package var withoutHash: [Package] { packages.filter { $0.hashCount == 0 } }

    /// The versions by name, where several count joined by `or`.
    package var versions: [String: String] {
        Dictionary(grouping: packages, by: \.name).mapValues(Self.written)
    }

    static func written(_ pins: [Package]) -> String {
        var versions: [String] = []
        for pin in pins where !versions.contains(pin.version) { versions.append(pin.version) }
        return versions.joined(separator: " or ")
    }
}

extension EnvironmentLock {
    /// One package that is not as it has to be.
    package struct Difference: Sendable, Equatable, CustomStringConvertible {
        package var name: String
        /// Nil where the package is missing.
        package var found: String?
        package var required: String
        /// Where it stands in the lock that was looked at; nil where it is missing.
        package var line: Int?

        /// Such as `scikit-learn 1.4.2, required 1.9.1`.
        package var description: String { "\(name) \(found ?? "missing"), required \(required)" }
    }

    /// Every package of `required` that this lock has not in the same version.
    package func differences(from required: EnvironmentLock) -> [Difference] {
        var differences: [Difference] = []
        var seen: Set<String> = []
        for package in required.packages where seen.insert(package.name).inserted {
            let wanted = required.pins(of: package.name)
            let pins = pins(of: package.name)
            let isMet =
                !pins.isEmpty
                && pins.allSatisfy { pin in
                    wanted.contains { isSameVersion($0.version, pin.version) }
                }
            guard !isMet else { continue }
            differences.append(
                Difference(
                    name: package.name,
                    found: pins.isEmpty ? nil : Self.written(pins),
                    required: Self.written(wanted),
                    line: pins.first?.line
                )
            )
        }
        return differences
    }
}
