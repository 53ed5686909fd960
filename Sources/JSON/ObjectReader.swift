// SPDX-License-Identifier: Apache-2.0

/// Reads the members of an object by name and collects what is wrong instead of stopping, so that
/// a person can mend a whole document at once.
///
/// Three forms of each accessor: `string("name")` is required, `string("name", default: "x")` and
/// `optionalString("name")` are not. A required accessor that finds nothing right reports it and
/// returns a stand-in (`""`, `0`, the first case), so whatever is built from a document counts
/// only where `problems` is empty in the end. `null` is a value of the wrong kind, not an absent one.
///
/// Call `finish()` last; it reports the names that nobody asked for.
package final class ObjectReader {
    package let path: String
    package let problems: DocumentProblems
    /// In the order of the document.
    package let members: [JSONMember]
    private var known: Set<ExactText> = []
    private var knownInOrder: [String] = []
    /// A reader for an object that is not there: it has been reported, and says nothing more.
    private let isMuted: Bool

    /// Reports where `value` is no object; the reader then is empty and says nothing more.
    package init(_ value: JSONValue, path: String = "", problems: DocumentProblems) {
        self.path = path
        self.problems = problems
        if case .object(let members) = value {
            self.members = members
            isMuted = false
        } else {
            problems.add(path, "expected an object, found \(value.kindName)")
            members = []
            isMuted = true
        }
    }

    private init(absentAt path: String, problems: DocumentProblems) {
        self.path = path
        self.problems = problems
        members = []
        isMuted = true
    }

    // MARK: Asking

    /// The member as it is; asking makes its name a known one.
    package func value(_ name: String) -> JSONValue? {
        if known.insert(ExactText(name)).inserted { knownInOrder.append(name) }
        return members.first { $0.name.isSame(as: name) }?.value
    }

    package func has(_ name: String) -> Bool { value(name) != nil }

    /// The path of a member, for problems of one's own.
    package func path(of name: String) -> String { memberPath(path, name) }

    /// Reports a problem of member `name`, or of the object itself.
    package func report(_ name: String? = nil, _ problem: String, hint: String? = nil) {
        guard !isMuted else { return }
        problems.add(name.map(path(of:)) ?? path, problem, hint: hint)
    }

    /// Reports every member that was not asked for, with the known name nearest to it.
    package func finish() {
        for member in members where !known.contains(ExactText(member.name)) {
            let others = knownInOrder.filter { name in
                !members.contains { $0.name.isSame(as: name) }
            }
            let hint =
                suggestion(for: member.name, among: others)
                ?? suggestion(for: member.name, among: knownInOrder)
                ?? "known here: \(knownInOrder.joined(separator: ", "))"
            report(nil, "unknown key '\(member.name)'", hint: hint)
        }
    }

    // MARK: Objects and lists

    /// A required object.
    package func object(_ name: String) -> ObjectReader {
        if let reader = optionalObject(name) { return reader }
        reportMissing(name, "an object")
        return ObjectReader(absentAt: path(of: name), problems: problems)
    }

    package func optionalObject(_ name: String) -> ObjectReader? {
        value(name).map { ObjectReader($0, path: path(of: name), problems: problems) }
    }

    /// The elements of a required array of objects.
    package func objects(_ name: String) -> [ObjectReader] {
        elements(name).map { ObjectReader($0.value, path: $0.path, problems: problems) }
    }

    /// As `objects`; empty where there is none.
    package func optionalObjects(_ name: String) -> [ObjectReader] {
        value(name) == nil ? [] : objects(name)
    }

    /// The elements of a required array, each with its path.
    package func elements(_ name: String) -> [(path: String, value: JSONValue)] {
        let place = path(of: name)
        return list(name, required: true)?.enumerated().map { ("\(place)[\($0)]", $1) } ?? []
    }

    /// A required array of strings.
    package func strings(_ name: String) -> [String] {
        all(name, required: true, "a string") { $0.asString } ?? []
    }

    package func optionalStrings(_ name: String) -> [String]? {
        all(name, required: false, "a string") { $0.asString }
    }

    /// A required array of numbers.
    package func numbers(_ name: String) -> [Double] {
        all(name, required: true, "a finite number") { $0.asNumber?.double } ?? []
    }

    package func optionalNumbers(_ name: String) -> [Double]? {
        all(name, required: false, "a finite number") { $0.asNumber?.double }
    }

    /// A required array of whole numbers.
    package func integers(_ name: String) -> [Int] {
        all(name, required: true, "a whole number") { $0.asNumber?.int64.map(Int.init) } ?? []
    }

    package func optionalIntegers(_ name: String) -> [Int]? {
        all(name, required: false, "a whole number") { $0.asNumber?.int64.map(Int.init) }
    }

    /// A required object whose members are all numbers, as the values of a table are.
    package func numberMap(_ name: String) -> [ExactText: Double] {
        optionalNumberMap(name) ?? missing(name, "an object of numbers", standIn: [:])
    }

    package func optionalNumberMap(_ name: String) -> [ExactText: Double]? {
        guard let reader = optionalObject(name) else { return nil }
        var map: [ExactText: Double] = [:]
        for member in reader.members {
            map[ExactText(member.name)] = reader.number(member.name)
        }
        return map
    }

    /// Two numbers, `[low, high]`, both included.
    package func optionalRange(_ name: String) -> ClosedRange<Double>? {
        guard let found = value(name) else { return nil }
        guard let ends = found.asArray, ends.count == 2, let low = ends[0].asNumber?.double,
            let high = ends[1].asNumber?.double
        else {
            return wrong(name, found, "two finite numbers, [low, high]")
        }
        guard low <= high else {
            report(name, "the low end, \(low), is above the high end, \(high)")
            return nil
        }
        return low...high
    }

    // MARK: Helpers of all accessors

    func wrong<Value>(_ name: String, _ found: JSONValue, _ wanted: String) -> Value? {
        report(name, "expected \(wanted), found \(abridged(found))")
        return nil
    }

    func missing<Value>(_ name: String, _ wanted: String, standIn: Value) -> Value {
        reportMissing(name, wanted)
        return standIn
    }

    /// Says that a required member is missing; says nothing where it is there but wrong, since
    /// that has been reported.
    private func reportMissing(_ name: String, _ wanted: String) {
        guard value(name) == nil else { return }
        report(name, "missing; expected \(wanted)")
    }

    private func list(_ name: String, required: Bool) -> [JSONValue]? {
        guard let found = value(name) else {
            return required ? missing(name, "an array", standIn: nil) : nil
        }
        return found.asArray ?? wrong(name, found, "an array")
    }

    private func all<Element>(
        _ name: String,
        required: Bool,
        _ wanted: String,
        _ convert: (JSONValue) -> Element?
    ) -> [Element]? {
        guard let values = list(name, required: required) else { return nil }
        var elements: [Element] = []
        for (index, found) in values.enumerated() {
            if let element = convert(found) {
                elements.append(element)
            } else {
                let place = "\(path(of: name))[\(index)]"
                problems.add(place, "expected \(wanted), found \(abridged(found))")
            }
        }
        return elements
    }
}

/// A value for an error: scalars as they are, at most 60 bytes of them, the rest by its kind.
func abridged(_ value: JSONValue) -> String {
    switch value {
    case .array, .object, .null: return value.kindName
    default:
        let text = value.text()
        return text.utf8.count <= 60 ? text : String(text.prefix(60)) + "…"
    }
}
