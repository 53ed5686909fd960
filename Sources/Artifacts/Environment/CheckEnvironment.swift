// SPDX-License-Identifier: Apache-2.0

/// Holds an artifact's lock against what manifest and model say of their origin, and against the
/// packages that the daemon's configuration requires.
struct EnvironmentCheck {
    /// The lock's path inside the artifact.
    var file: String
    var lock: EnvironmentLock
    var framework: Manifest.Framework
    /// What the model file says wrote it; nil where it says nothing.
    var producer: Manifest.Framework?
    var required: EnvironmentLock?

    /// Everything that does not fit, at most twenty of the required packages and how many there are.
    func problems() -> [ArtifactProblem] {
        var problems = frameworkProblems()
        if let producer { problems += producerProblems(producer) }
        guard let required else { return problems }
        let differences = lock.differences(from: required)
        problems += differences.prefix(20).map {
            problem(
                $0,
                "train again in the required environment, or change required_environment"
            )
        }
        if differences.count > 20 {
            problems.append(
                ArtifactProblem(
                    file: file,
                    found: "\(differences.count) packages are not as required_environment has them",
                    remedy: "those above are the first 20"
                )
            )
        }
        return problems
    }

    private func problem(
        _ difference: EnvironmentLock.Difference,
        _ remedy: String
    ) -> ArtifactProblem {
        ArtifactProblem(
            file: file,
            place: difference.line.map { "line \($0)" } ?? "",
            found: difference.description,
            remedy: remedy
        )
    }

    /// The packages that a framework is installed by, the usual one first.
    private static let packages: [String: [String]] = [
        "scikit-learn": ["scikit-learn"], "sklearn": ["scikit-learn"],
        "xgboost": ["xgboost", "xgboost-cpu"], "lightgbm": ["lightgbm"], "catboost": ["catboost"],
        "pytorch": ["torch"], "torch": ["torch"],
        "tensorflow": ["tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tf-nightly"],
        "keras": ["keras", "tf-keras"], "statsmodels": ["statsmodels"], "jax": ["jax"],
        "skl2onnx": ["skl2onnx"], "onnxmltools": ["onnxmltools"], "tf2onnx": ["tf2onnx"],
    ]

    /// What trained the model must be in the lock, in that version.
    private func frameworkProblems() -> [ArtifactProblem] {
        let name = normalizedPackageName(framework.name)
        let names = Self.packages[name] ?? [name]
        let pins = names.lazy.map { lock.pins(of: $0) }.first { !$0.isEmpty } ?? []
        guard !pins.isEmpty || Self.packages[name] != nil else { return [] }
        return mismatch(
            pins,
            name: names[0],
            required: framework.version,
            by: "\(Manifest.fileName) says that it trained the model"
        )
    }

    /// A converter may have run elsewhere; where the lock has it, it is the one that ran.
    private func producerProblems(_ producer: Manifest.Framework) -> [ArtifactProblem] {
        let name = normalizedPackageName(producer.name)
        guard let names = Self.packages[name], !producer.version.isEmpty,
            name != normalizedPackageName(framework.name)
        else { return [] }
        let pins = names.lazy.map { lock.pins(of: $0) }.first { !$0.isEmpty } ?? []
        guard !pins.isEmpty else { return [] }
        return mismatch(
            pins,
            name: names[0],
            required: producer.version,
            by: "\(Artifact.modelFileName) says that it wrote the model",
            isSame: isSameRelease
        )
    }

    private func mismatch(
        _ pins: [EnvironmentLock.Package],
        name: String,
        required: String,
        by reason: String,
        isSame: (String, String) -> Bool = isSameVersion
    ) -> [ArtifactProblem] {
        guard !pins.contains(where: { isSame($0.version, required) }) else { return [] }
        let difference = EnvironmentLock.Difference(
            name: pins.first?.name ?? name,
            found: pins.isEmpty ? nil : EnvironmentLock.written(pins),
            required: required,
            line: pins.first?.line
        )
        return [
            problem(difference, "\(reason); pack the lock of the environment that did")
        ]
    }
}
