// SPDX-License-Identifier: Apache-2.0
import JSON

/// Turns the document of a contract into a `Contract` and collects what is wrong with it.
///
/// A part with a problem of its own is left out of the checks between parts, so that one mistake
/// is one problem.
final class ContractReader {
    let problems = DocumentProblems()
    /// Every name that is declared, also of features that are wrong otherwise.
    var featureNames: [String] = []
    var outputNames: [String] = []
    /// Those without a problem of their own.
    var soundFeatures: [String: Feature] = [:]
    var soundOutputs: [String: Output] = [:]

    func readContract(from document: JSONValue) -> Contract {
        let reader = ObjectReader(document, problems: problems)
        let contract = Contract(
            features: readFeatures(in: reader),
            outputs: readOutputs(in: reader),
            killSwitches: readKillSwitches(in: reader),
            fallback: reader.optionalObjects("fallback").compactMap(readFallbackLink),
            breaker: readBreaker(in: reader.optionalObject("breaker")),
            canary: readCanary(in: reader.optionalObject("canary")),
            drift: readDrift(in: reader.optionalObject("drift"))
        )
        checkFallbackUse(in: contract)
        reader.finish()
        return contract
    }

    /// Runs `body` and tells whether it added no problem.
    func checked<Value>(_ body: () -> Value) -> (value: Value, isSound: Bool) {
        let before = problems.list.count
        let value = body()
        return (value, problems.list.count == before)
    }

    /// Reads a name that must not occur twice among its kind.
    func readUniqueName(in reader: ObjectReader, kind: String, taken: inout [String]) -> String {
        let name = reader.string("name")
        guard !name.isEmpty else { return name }
        if taken.contains(name) {
            reader.report("name", "a second \(kind) named '\(name)'; expected a name of its own")
        }
        taken.append(name)
        if name.utf8.count > 256 || name.unicodeScalars.contains(where: { $0.value < 0x20 }) {
            reader.report("name", "expected at most 256 bytes without control characters")
        }
        return name
    }

    /// Reads the datatype; nil where it is missing or wrong, which then is reported.
    func readDatatype(in reader: ObjectReader) -> Datatype? {
        let (datatype, isSound) = checked { reader.word("datatype") as Datatype }
        return isSound ? datatype : nil
    }

    /// Reads texts that are allowed values: at least one, none empty, none twice.
    func readCategories(in reader: ObjectReader) -> [String]? {
        guard let categories = reader.optionalStrings("categories") else { return nil }
        if categories.isEmpty {
            reader.report("categories", "no category; expected at least one")
        }
        var seen: Set<ExactText> = []
        for (index, category) in categories.enumerated() {
            if category.isEmpty {
                reader.report("categories", "category \(index) is empty; expected a text")
            }
            if !seen.insert(ExactText(category)).inserted {
                reader.report("categories", "'\(category)' occurs twice; expected each once")
            }
        }
        return categories
    }

    /// Reads `[low, high]` and holds it against what the datatype can have at all.
    func readRange(in reader: ObjectReader, for datatype: Datatype?) -> ClosedRange<Double>? {
        guard let range = reader.optionalRange("range"), let datatype else { return nil }
        guard let limits = datatype.limits else {
            reader.report(
                "range",
                "a \(datatype.rawValue) value has no order, so it has no range",
                hint: datatype.isText ? "give its values as categories" : "remove the key"
            )
            return nil
        }
        if !limits.contains(range.lowerBound) || !limits.contains(range.upperBound) {
            reader.report(
                "range",
                "[\(range.lowerBound), \(range.upperBound)] goes beyond \(datatype.rawValue), "
                    + "which has \(limits.lowerBound) to \(limits.upperBound)"
            )
        }
        return range
    }

    private func readKillSwitches(in reader: ObjectReader) -> [KillSwitch] {
        var names: [String] = []
        return reader.optionalObjects("kill_switches").map { entry in
            let killSwitch = KillSwitch(
                name: readUniqueName(in: entry, kind: "kill switch", taken: &names),
                when: entry.string("when"),
                then: entry.word("then", among: [.fallback, .reject], default: .fallback)
            )
            entry.finish()
            return killSwitch
        }
    }

    /// Whoever names the fallback needs one.
    private func checkFallbackUse(in contract: Contract) {
        guard contract.fallback.isEmpty, problems.isEmpty else { return }
        let hint = "add a fallback chain, such as [{\"kind\": \"constant\", \"values\": …}]"
        for (index, feature) in contract.features.enumerated() {
            for (key, value) in [("missing", feature.missing), ("unknown", feature.unknown)]
            where value == .fallback {
                problems.add("features[\(index)].\(key)", "there is no fallback", hint: hint)
            }
        }
        for (index, killSwitch) in contract.killSwitches.enumerated()
        where killSwitch.then == .fallback {
            problems.add("kill_switches[\(index)].then", "there is no fallback", hint: hint)
        }
        if contract.canary.whenFailing == .fallback {
            problems.add("canary.when_failing", "there is no fallback", hint: hint)
        }
        if contract.drift.then == .fallback {
            problems.add("drift.then", "there is no fallback", hint: hint)
        }
    }
}
