// SPDX-License-Identifier: Apache-2.0

/// Names for what a copy of a body makes: nothing else in the model has them.
extension FunctionExpander {
    /// What a name of the body is called in place of the call.
    mutating func name(of name: String, _ copy: inout FunctionCopy) -> String {
        guard !name.isEmpty else { return "" }
        if let known = copy.names[name] { return known }
        guard !copy.isInline else { return name }
        let made = fresh(name, copy)
        copy.names[name] = made
        return made
    }

    /// A name like `name` that nothing in the model has.
    mutating func fresh(_ name: String, _ copy: FunctionCopy) -> String {
        let wanted = "\(copy.label)/\(name.cut)"
        var made = wanted
        while !taken.insert(made).inserted {
            serial += 1
            made = "\(wanted)~\(serial)"
        }
        return made
    }
}
