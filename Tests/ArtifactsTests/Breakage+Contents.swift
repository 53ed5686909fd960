// SPDX-License-Identifier: Apache-2.0
@testable import Artifacts

extension Breakage {
    /// Wrong from the start: the digests are right, the contents are not.
    private static func content(
        _ name: String,
        of file: String,
        replace old: String,
        with new: String,
        says: String...,
        count: Int = 1
    ) -> Breakage {
        Breakage(
            testDescription: "\(file): \(name)",
            file: file,
            says: says,
            count: count,
            before: { $0.replace(old, with: new, in: file) }
        )
    }

    static let contents =
        goldenRecords + baselines + environments + [
            content(
                "a misspelt key",
                of: "contract.json",
                replace: "\"categories\"",
                with: "\"catagories\"",
                says: "contract.json: features[1]: unknown key 'catagories'; did you mean "
                    + "'categories'?"
            ),
            content(
                "a duplicate key",
                of: "contract.json",
                replace: "\"unit\": \"ct\"",
                with: "\"unit\": \"ct\", \"unit\": \"g\"",
                says: "contract.json: line 3, column ",
                "unit"
            ),
            content(
                "not UTF-8",
                of: "contract.json",
                replace: "\"ct\"",
                with: "\"\u{0}\"",
                says: "contract.json: line 3, column ",
                "(byte "
            ),
            Breakage(
                testDescription: "contract.json: cut and packed again",
                file: "contract.json",
                says: ["(byte 100)"],
                before: { fixture in
                    fixture.files["contract.json"] = String(
                        (fixture.files["contract.json"] ?? "").prefix(100)
                    )
                }
            ),
            Breakage(
                testDescription: "a ratio without a baseline",
                file: "contract.json",
                says: [
                    "outputs[0].max_ratio_to_mean: baseline.json has no mean of 'price'",
                    "add the baseline or remove the key",
                ],
                before: { $0.files["baseline.json"] = nil }
            ),
            Breakage(
                testDescription: "fallback records without a fallback",
                file: "fallback.jsonl",
                says: ["records of a fallback that contract.json does not have"],
                before: { fixture in
                    fixture.files["contract.json"] = """
                        {"features": [{"name": "carat", "datatype": "FP32", "encode": {"to": "X"}}],
                         "outputs": [{"name": "price", "from": "Y", "datatype": "FP32"}]}
                        """
                    fixture.files["baseline.json"] = nil
                    fixture.files["golden.jsonl"] = nil
                    fixture.files["fallback.jsonl"] = """
                        {"inputs": {"carat": 1}, "outputs": {"price": 3}}
                        """
                }
            ),
        ]

    static let environments = [
        content(
            "another version of the framework",
            of: "environment.lock",
            replace: "xgboost==3.0.0",
            with: "xgboost==2.1.4",
            says: "environment.lock: line 2: xgboost 2.1.4, required 3.0.0; artifact.json says"
        ),
        content(
            "no framework",
            of: "environment.lock",
            replace: "xgboost==3.0.0",
            with: "catboost==3.0.0",
            says: "environment.lock: xgboost missing, required 3.0.0"
        ),
        content(
            "a package that is not pinned",
            of: "environment.lock",
            replace: "numpy==2.1.0",
            with: "numpy>=2.1.0",
            says: "line 1: 'numpy>=2.1.0' is not pinned to one version; expected numpy==VERSION"
        ),
        content(
            "a short hash",
            of: "environment.lock",
            replace: "2.1.0 --hash=sha256:0a",
            with: "2.1.0 --hash=sha256:a",
            says: "expected --hash=sha256: and 64 hexadecimal digits"
        ),
        Breakage(
            testDescription: "environment.lock: Poetry's",
            file: "environment.lock",
            says: ["a lock file of Poetry or PDM; expected a package a line"],
            before: { $0.files["environment.lock"] = "[[package]]\n[metadata]\n" }
        ),
    ]

    static let goldenRecords = [
        content(
            "NaN",
            of: "golden.jsonl",
            replace: "380.5",
            with: "NaN",
            says: "golden.jsonl: line 1, column 81: NaN is not JSON"
        ),
        content(
            "NaN among the inputs",
            of: "golden.jsonl",
            replace: "0.23",
            with: "NaN",
            says: "golden.jsonl: line 1, column 22: NaN is not JSON"
        ),
        content(
            "an infinity",
            of: "golden.jsonl",
            replace: "380.5",
            with: "-Infinity",
            says: "golden.jsonl: line 1, column "
        ),
        content(
            "beyond every double",
            of: "golden.jsonl",
            replace: "380.5",
            with: "1e400",
            says: "line 1: outputs.price: 1e400 does not fit FP32"
        ),
        content(
            "beyond a float",
            of: "golden.jsonl",
            replace: "0.23",
            with: "1e39",
            says: "line 1: inputs.carat: 1e39 does not fit FP32"
        ),
        content(
            "an unknown category",
            of: "golden.jsonl",
            replace: "\"Ideal\"",
            with: "\"Idael\"",
            says: "line 1: inputs.cut: 'Idael' is not among the categories; did you mean 'Ideal'?"
        ),
        content(
            "a required feature left out",
            of: "golden.jsonl",
            replace: "\"cut\": \"Fair\"",
            with: "\"depth\": 60",
            says: "line 2: inputs: no value for feature 'cut'"
        ),
        content(
            "a required feature null",
            of: "golden.jsonl",
            replace: "\"Fair\"",
            with: "null",
            says: "line 2: inputs.cut: null; feature 'cut' must not be missing"
        ),
        content(
            "an unknown feature",
            of: "golden.jsonl",
            replace: "\"depth\"",
            with: "\"dpeth\"",
            says: "line 1: inputs: the contract has no feature 'dpeth'; did you mean 'depth'?"
        ),
        content(
            "an unknown output",
            of: "golden.jsonl",
            replace: "\"price\": 9000",
            with: "\"price\": 9000, \"cost\": 1",
            says: "line 2: outputs: the contract has no output 'cost'; known: price"
        ),
        content(
            "an output left out",
            of: "golden.jsonl",
            replace: "\"price\": 9000",
            with: "",
            says: "line 2: outputs: no value for output 'price'"
        ),
        content(
            "a text for a number",
            of: "golden.jsonl",
            replace: "\"carat\": 1.5",
            with: "\"carat\": \"1.5\"",
            says: "line 2: inputs.carat: a string; expected a value of datatype FP32"
        ),
        content(
            "a list for a number",
            of: "golden.jsonl",
            replace: "\"carat\": 1.5",
            with: "\"carat\": [1.5]",
            says: "line 2: inputs.carat: a list; expected one value of datatype FP32"
        ),
        content(
            "a duplicate key",
            of: "golden.jsonl",
            replace: "\"depth\"",
            with: "\"carat\"",
            says: "golden.jsonl: line 1, column ",
            "carat"
        ),
        content(
            "an unknown member",
            of: "golden.jsonl",
            replace: "{\"inputs\": {\"carat\": 1.5",
            with: "{\"weight\": 1, \"inputs\": {\"carat\": 1.5",
            says: "line 2: unknown key 'weight'"
        ),
        content(
            "an empty line",
            of: "golden.jsonl",
            replace: "}}\n{",
            with: "}}\n\n{",
            says: "golden.jsonl: line 2, column 1"
        ),
    ]

    static let baselines = [
        content(
            "a duplicate key",
            of: "baseline.json",
            replace: "\"rows\": 10,",
            with: "\"rows\": 10, \"rows\": 11,",
            says: "baseline.json: line 2, column ",
            "rows"
        ),
        price(
            "NaN",
            replace: "\"mean\": 50",
            with: "\"mean\": NaN",
            says: "NaN is not JSON"
        ),
        content(
            "another model's",
            of: "baseline.json",
            replace: "\"depth\"",
            with: "\"weight\"",
            says: "features.weight: the contract has no feature 'weight'",
            "make the baseline of this model's training data",
            "features: no distribution of feature 'depth'",
            count: 2
        ),
        content(
            "no outputs",
            of: "baseline.json",
            replace: "\"outputs\": {\"price\": \(ArtifactFixture.numeric)}",
            with: "\"outputs\": {}",
            says: "outputs: no distribution of output 'price'"
        ),
        content(
            "a category that the contract lacks",
            of: "baseline.json",
            replace: "\"Good\": 2",
            with: "\"Godo\": 2",
            says: "features.cut.counts.Godo: ",
            "did you mean 'Good'?"
        ),
        content(
            "counts that do not add up",
            of: "baseline.json",
            replace: "\"Fair\": 1",
            with: "\"Fair\": 2",
            says: "features.cut.counts: they add up to 11; expected count, 10"
        ),
        content(
            "a text feature as numeric",
            of: "baseline.json",
            replace: "\"categorical\"",
            with: "\"numeric\"",
            says: "features.cut.kind: 'numeric', but 'cut' is BYTES"
        ),
        price(
            "a negative spread",
            replace: "\"std\": 3",
            with: "\"std\": -3",
            says: "outputs.price.std: expected a finite number of at least 0.0, found -3"
        ),
        price(
            "a mean beyond the maximum",
            replace: "\"mean\": 50",
            with: "\"mean\": 101",
            says: "outputs.price.mean: 101.0; expected between min, 0.0, and max, 100.0"
        ),
        price(
            "a mean of zero under a ratio",
            replace: "\"mean\": 50",
            with: "\"mean\": 0",
            says: "outputs[0].max_ratio_to_mean: the mean of 'price' is 0.0",
            in: "contract.json"
        ),
        price(
            "a quantile too few",
            replace: ", 100], \"edges\"",
            with: "], \"edges\"",
            says: "outputs.price.quantiles: 100 values; expected 101"
        ),
        price(
            "quantiles that fall",
            replace: "[0, 1, 2,",
            with: "[0, 2, 1,",
            says: "outputs.price.quantiles: a value falls"
        ),
        price(
            "an edge too few",
            replace: "[0, 50, 100]",
            with: "[0, 100]",
            says: "outputs.price.edges: 2 edges for 2 counts; expected one edge more than counts"
        ),
        price(
            "edges that stand still",
            replace: "[0, 50, 100]",
            with: "[0, 0, 100]",
            says: "outputs.price.edges: an edge is not above the one before"
        ),
    ]

    /// Changes the distribution of the one output.
    private static func price(
        _ name: String,
        replace old: String,
        with new: String,
        says: String,
        in file: String = "baseline.json"
    ) -> Breakage {
        let numeric = ArtifactFixture.numeric
            .split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
        return Breakage(
            testDescription: "baseline.json: \(name)",
            file: file,
            says: [says],
            before: {
                $0.replace(
                    "\"outputs\": {\"price\": \(ArtifactFixture.numeric)}",
                    with: "\"outputs\": {\"price\": \(numeric)}",
                    in: "baseline.json"
                )
            }
        )
    }
}
