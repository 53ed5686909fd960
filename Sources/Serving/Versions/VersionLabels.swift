// SPDX-License-Identifier: Apache-2.0
import Artifacts
package import JSON
import Platform

/// Which version of a model answers, which one it would go back to, and which may not come back by
/// themselves: numbers only, so that it can be written down and read again.
package struct VersionLabels: Sendable, Equatable {
    /// An operator's order that a version stays, whatever else arrives.
    package struct Pin: Sendable, Equatable {
        package var version: Int
        package var reason: String
        package var by: String
    }

    /// Why a version is not to answer by itself.
    package struct Hold: Sendable, Equatable {
        /// Of its `artifact.json`; other bytes under the same number are another version.
        package var digest: String
        package var reason: String
    }

    /// `stable`: the version that answers where a request names none.
    package private(set) var active: Int?
    /// `previous`: the one that answered before it.
    package private(set) var previous: Int?
    package var pin: Pin?
    package private(set) var held: [Int: Hold] = [:]
    /// `candidate`: a version on its way to all traffic, and the step it has come to.
    package struct Rollout: Sendable, Equatable {
        package var version: Int
        package var step: Int
        /// Of its `artifact.json`: other bytes under its number have come to no step.
        package var digest: String
    }

    package var rollout: Rollout?
    /// An operator took the model out of service.
    package var isUnloaded = false

    package init() {}

    /// Lets `version` answer from now on; nothing holds it any longer.
    package mutating func activate(_ version: Int) {
        held[version] = nil
        guard version != active else { return }
        if let active { previous = active }
        active = version
    }

    /// Lets `version` answer instead of the active one, which does not come back by itself; nor does
    /// any between the two.
    ///
    /// - Parameters:
    ///   - version: the one to answer.
    ///   - loaded: the digests of all versions that could.
    ///   - reason: why.
    package mutating func goBack(to version: Int, loaded: [Int: String], reason: String) {
        for (number, digest) in loaded where number > version {
            held[number] = Hold(digest: digest, reason: reason)
        }
        active = version
        held[version] = nil
        if previous == version { previous = nil }
    }

    /// Lets `version` answer by an order: one that is not newer than the active one keeps newer ones away.
    ///
    /// - Returns: whether another version answers now.
    package mutating func promote(_ version: Int, known: [Int: String], reason: String) -> Bool {
        let isOther = version != active
        if let active, version <= active {
            goBack(to: version, loaded: known, reason: reason)
        } else {
            activate(version)
        }
        return isOther
    }

    /// Keeps loaded versions that are newer than `version` from answering by themselves.
    package mutating func holdNewer(than version: Int, loaded: [Int: String], reason: String) {
        for (number, digest) in loaded where number > version && number != active {
            held[number] = Hold(digest: digest, reason: reason)
        }
    }

    package mutating func hold(_ version: Int, _ hold: Hold) { held[version] = hold }

    /// Forgets a hold on a number that other bytes have now.
    package mutating func release(_ version: Int, unless digest: String) {
        if let hold = held[version], hold.digest != digest { held[version] = nil }
    }

    /// Nothing answers for a while; what did is what answers again.
    package mutating func suspend() { active = nil }

    /// Forgets what a version that is gone was called.
    package mutating func forget(_ version: Int) {
        if active == version { active = nil }
        if previous == version { previous = nil }
    }

    /// The version that should answer, of those that are loaded and right: the pinned one, or the
    /// newest that nothing holds; never one older than the active one.
    package func next(of sound: [Int]) -> Int? {
        if let pin { return sound.contains(pin.version) ? pin.version : nil }
        let newest = sound.filter { held[$0] == nil }.max()
        guard let active, sound.contains(active), held[active] == nil else { return newest }
        return newest.map { max($0, active) }
    }

    /// What a version is called.
    package func names(of version: Int) -> [String] {
        var names: [String] = []
        if version == active { names.append("stable") }
        if version == previous { names.append("previous") }
        if version == pin?.version { names.append("pinned") }
        if version == rollout?.version { names.append("candidate") }
        if held[version] != nil { names.append("held") }
        return names
    }

    /// The version that a name means.
    package func version(named name: String) -> Int? {
        switch name {
        case "stable": active
        case "previous": previous
        case "pinned": pin?.version
        case "candidate": rollout?.version
        default: nil
        }
    }
}

extension VersionLabels {
    package var json: JSONValue {
        var members: [JSONMember] = []
        if let active { members.append(JSONMember(name: "active", value: .number(active))) }
        if let previous { members.append(JSONMember(name: "previous", value: .number(previous))) }
        if let pin {
            members.append(
                JSONMember(
                    name: "pin",
                    value: [
                        "version": .number(pin.version), "reason": .string(pin.reason),
                        "by": .string(pin.by),
                    ]
                )
            )
        }
        if !held.isEmpty {
            members.append(
                JSONMember(
                    name: "held",
                    value: .object(
                        held.sorted { $0.key < $1.key }.map { number, hold in
                            JSONMember(
                                name: String(number),
                                value: [
                                    "digest": .string(hold.digest), "reason": .string(hold.reason),
                                ]
                            )
                        }
                    )
                )
            )
        }
        if let rollout {
            members.append(
                JSONMember(
                    name: "rollout",
                    value: [
                        "version": .number(rollout.version), "step": .number(rollout.step),
                        "digest": .string(rollout.digest),
                    ]
                )
            )
        }
        if isUnloaded { members.append(JSONMember(name: "unloaded", value: .bool(true))) }
        return .object(members)
    }

    /// Reads what `json` wrote; what is not as it was written is left out.
    package init(persisted document: JSONValue) {
        active = document["active"]?.asNumber?.int64.flatMap { Int(exactly: $0) }
        previous = document["previous"]?.asNumber?.int64.flatMap { Int(exactly: $0) }
        if let pin = document["pin"], let version = pin["version"]?.asNumber?.int64 {
            self.pin = Pin(
                version: Int(version),
                reason: pin["reason"]?.asString ?? "",
                by: pin["by"]?.asString ?? ""
            )
        }
        for member in document["held"]?.asObject ?? [] {
            guard let number = ArtifactIdentity.version(folder: member.name) else { continue }
            held[number] = Hold(
                digest: member.value["digest"]?.asString ?? "",
                reason: member.value["reason"]?.asString ?? ""
            )
        }
        if let rollout = document["rollout"], let version = rollout["version"]?.asNumber?.int64,
            let step = rollout["step"]?.asNumber?.int64
        {
            self.rollout = Rollout(
                version: Int(version),
                step: Int(step),
                digest: rollout["digest"]?.asString ?? ""
            )
        }
        isUnloaded = document["unloaded"]?.asBool ?? false
    }
}
