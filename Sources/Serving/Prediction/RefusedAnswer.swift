// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON

/// An answer of the model that a guard kept back, for whoever asks why the breaker moved.
struct RefusedAnswer: Sendable {
    let guardName: GuardName
    /// Nil where the run stopped, so that there is no value.
    let output: String?
    let value: String?

    var members: [JSONMember] {
        var members = [JSONMember(name: "guard", value: .string(guardName.rawValue))]
        if let output { members.append(JSONMember(name: "output", value: .string(output))) }
        if let value { members.append(JSONMember(name: "value", value: .string(value))) }
        return members
    }
}
