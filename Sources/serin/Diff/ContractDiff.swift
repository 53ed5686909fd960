// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// How two contracts differ: what was added and removed, and of what is in both which keys say something else.
///
/// Both are compared with their defaults written out, so that only what they say counts.
struct ContractDiff {
    let document: JSONValue
    let isEmpty: Bool

    init(_ one: Contract, _ two: Contract) {
        let (one, two) = (one.document, two.document)
        var members: [JSONMember] = []
        for name in ["features", "outputs", "kill_switches"] {
            let change = Self.compare(Self.named(one[name]), Self.named(two[name]))
            members.append(JSONMember(name: name, value: change))
        }
        let chain = Self.compare(Self.numbered(one["fallback"]), Self.numbered(two["fallback"]))
        members.append(JSONMember(name: "fallback", value: chain))
        for name in ["breaker", "canary", "drift"] {
            members.append(
                JSONMember(name: name, value: .array(Self.changes(of: name, one[name], two[name])))
            )
        }
        isEmpty = members.allSatisfy { member in
            member.value.asArray?.isEmpty
                ?? (member.value.asObject ?? []).allSatisfy { $0.value.asArray?.isEmpty ?? true }
        }
        document = .object(members)
    }

    private static func named(_ list: JSONValue?) -> [JSONMember] {
        (list?.asArray ?? []).map { JSONMember(name: $0["name"]?.asString ?? "", value: $0) }
    }

    /// Links of a chain have no names; their places count, from 1.
    private static func numbered(_ list: JSONValue?) -> [JSONMember] {
        (list?.asArray ?? []).enumerated().map { JSONMember(name: "\($0 + 1)", value: $1) }
    }

    private static func compare(_ one: [JSONMember], _ two: [JSONMember]) -> JSONValue {
        let (before, after) = (Set(one.map(\.name)), Set(two.map(\.name)))
        var changed: [JSONValue] = []
        for member in one where after.contains(member.name) {
            let other = two.first { $0.name == member.name }?.value
            changed += changes(of: member.name, member.value, other)
        }
        return [
            "added": .array(two.filter { !before.contains($0.name) }.map { .string($0.name) }),
            "removed": .array(one.filter { !after.contains($0.name) }.map { .string($0.name) }),
            "changed": .array(changed),
        ]
    }

    /// A change for each key of which the values differ.
    private static func changes(
        of name: String,
        _ one: JSONValue?,
        _ two: JSONValue?
    ) -> [JSONValue] {
        let (before, after) = (one?.asObject ?? [], two?.asObject ?? [])
        var keys = before.map(\.name)
        keys += after.map(\.name).filter { !keys.contains($0) }
        return keys.compactMap { key in
            let (old, new) = (one?[key], two?[key])
            guard old != new else { return nil }
            if key == "categories", let old = old?.asArray, let new = new?.asArray {
                return vocabulary(name, old, new)
            }
            return [
                "name": .string(name), "key": .string(key), "a": old ?? .null, "b": new ?? .null,
            ]
        }
    }

    /// Categories come and go one by one; those that stay may change places, and ordinals with them.
    private static func vocabulary(
        _ name: String,
        _ old: [JSONValue],
        _ new: [JSONValue]
    ) -> JSONValue {
        [
            "name": .string(name), "key": "categories",
            "added": .array(new.filter { !old.contains($0) }),
            "removed": .array(old.filter { !new.contains($0) }),
            "moved": .bool(old.filter(new.contains) != new.filter(old.contains)),
        ]
    }
}
