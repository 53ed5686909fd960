// SPDX-License-Identifier: Apache-2.0
import JSON

extension ContractReader {
    func readOutputs(in reader: ObjectReader) -> [Output] {
        let entries = reader.objects("outputs")
        if reader.value("outputs") == .array([]) {
            reader.report("outputs", "no output; expected at least one")
        }
        return entries.map { entry in
            let (output, isSound) = checked { readOutput(in: entry) }
            if isSound { soundOutputs[output.name] = output }
            return output
        }
    }

    private func readOutput(in reader: ObjectReader) -> Output {
        let name = readUniqueName(in: reader, kind: "output", taken: &outputNames)
        let from = reader.string("from")
        let given = readDatatype(in: reader)
        let output = Output(
            name: name,
            from: from,
            column: reader.optionalInteger("column", in: 0...999_999),
            datatype: given ?? .fp32,
            unit: reader.optionalString("unit"),
            description: reader.optionalString("description"),
            range: readRange(in: reader, for: given),
            maximumRatioToMean: readMaximumRatio(in: reader),
            categories: readCategories(in: reader)
        )
        if given?.isNumeric == false, output.maximumRatioToMean != nil {
            reader.report(
                "max_ratio_to_mean",
                "a \(output.datatype.rawValue) output has no mean",
                hint: "remove the key"
            )
        }
        if given == .bool, output.categories != nil {
            reader.report(
                "categories",
                "a BOOL output is true or false; expected no categories"
            )
        }
        reader.finish()
        return output
    }

    private func readMaximumRatio(in reader: ObjectReader) -> Double? {
        guard let ratio = reader.optionalNumber("max_ratio_to_mean") else { return nil }
        if ratio <= 1 {
            reader.report(
                "max_ratio_to_mean",
                "\(ratio) would refuse the mean itself; expected above 1"
            )
        }
        return ratio
    }
}
