// SPDX-License-Identifier: Apache-2.0
package import Platform

extension Feature {
    package init(
        name: String,
        datatype: Datatype,
        range: ClosedRange<Double>?,
        categories: [String]?,
        missing: Substitute,
        unknown: Substitute,
        shape: [Int]?,
        encoding: Encoding
    ) {
        self.init(
            name: name,
            datatype: datatype,
            unit: nil,
            description: nil,
            range: range,
            categories: categories,
            missing: missing,
            unknown: unknown,
            shape: shape,
            encoding: encoding
        )
    }
}

extension Encoding {
    package init(to input: String, column: Int, form: Form) {
        self.init(input: input, column: column, form: form)
    }
}

extension Output {
    package init(name: String, from: String, column: Int?, datatype: Datatype) {
        self.init(
            name: name,
            from: from,
            column: column,
            datatype: datatype,
            unit: nil,
            description: nil,
            range: nil,
            maximumRatioToMean: nil,
            categories: nil
        )
    }
}

extension Contract {
    /// A contract with the guards' settings as they are by default, and without kill switches.
    package init(features: [Feature], outputs: [Output]) {
        self.init(
            features: features,
            outputs: outputs,
            killSwitches: [],
            fallback: [],
            breaker: BreakerSettings(),
            canary: CanarySettings(),
            drift: DriftSettings()
        )
    }
}

extension Artifact {
    /// An artifact that is still being made and lies in no folder.
    ///
    /// - Parameters:
    ///   - identity: what it will be called.
    ///   - files: the model, `model.onnx`, and all in which its tensors lie.
    ///   - model: the first of these.
    ///   - contract: one that `Contract(parsing:)` would take.
    package init(
        draft identity: ArtifactIdentity,
        files: [String: MappedFile],
        model: MappedFile,
        contract: Contract
    ) {
        self.init(
            path: "",
            manifest: Manifest(
                identity: identity,
                stage: .staging,
                created: Timestamp(microseconds: 0),
                framework: Manifest.Framework(name: "", version: ""),
                files: []
            ),
            signature: .absent,
            contract: contract,
            mappedFiles: files,
            recognizedFiles: [],
            model: model,
            goldenRecords: [],
            fallbackRecords: [],
            baseline: nil,
            environment: nil,
            files: [],
            missingForProduction: []
        )
    }
}
