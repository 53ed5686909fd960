// SPDX-License-Identifier: Apache-2.0
package import Artifacts
package import Engine
package import Guards
package import Platform
import Synchronization

/// One loaded version of one model: its parts, its guards' state and its memory.
package final class ModelVersion: Sendable {
    package let name: String
    package let version: Int
    let marks: VersionMarks
    package let artifact: Artifact
    package let contract: Contract
    package let program: Program
    package let killSwitches: KillSwitches
    package let bounds: OutputBounds
    package let fallback: FallbackChain
    package let pool: WorkspacePool
    /// The canary's own workspace, so that traffic can never starve it.
    package let reserved: Workspace
    /// Whose turn it is to use it while the version serves.
    let reservedTurns = ReservedTurns()
    package let canaryCase: CanaryCase
    package let metrics: ModelMetrics
    /// What it takes of the budget.
    package let claim: MemoryBudget.Claim
    let inputs: InputPlan
    let outputs: OutputPlan

    /// What changes while it serves; `guards` is held for lookups and counting only.
    package struct GuardState: Sendable {
        package var breaker: Breaker
        package var canary: CanaryState
        /// The file that changed while serving, and how.
        package var fileFailure: String?
        /// Why the weights in memory may be others than those approved; stands until it is loaded again.
        package var weightFailure: String?
        /// Why the artifact, or whoever signed it, no longer counts.
        package var revocation: String?
        /// What an operator should know about its signature.
        package var signatureWarning: String?
        /// Why these are not the bytes that were approved.
        package var integrityFailure: String? { revocation ?? weightFailure ?? fileFailure }
        /// The file that the folder no longer has as it was loaded; what serves is intact.
        package var displacement: String?
        /// The file that could not be read when it was to be checked again.
        package var unreadable: String?
        package var integrityCheckedAt: Timestamp?
        package var isFallbackProven = false
        /// What the last golden run was journalled as.
        var lastVerdict = ""
    }
    package let guards: Guarded<GuardState>
    /// Nanoseconds of work for each byte of a request's body, averaged over the latest ones.
    private let costPerByte = Atomic<Int>(100)

    /// Compiles, plans and reserves.
    ///
    /// - Parameters:
    ///   - artifact: what was read and checked.
    ///   - settings: of memory and threads.
    ///   - metrics: where it counts.
    ///   - now: the moment that ages are counted from.
    ///   - admit: asked before the arenas are made; refuses by throwing.
    /// - Throws: what is wrong with contract and graph together, or why it does not fit.
    package init(
        artifact: Artifact,
        settings: ModelSettings,
        metrics: ServingMetrics,
        now: MonotonicClock.Instant,
        admit: (MemoryBudget.Claim) throws(ArtifactError) -> Void = { _ in }
    ) throws(ArtifactError) {
        name = artifact.identity.name
        version = artifact.identity.version
        marks = VersionMarks(version: artifact.identity.version)
        self.artifact = artifact
        contract = artifact.contract
        program = try compile(artifact, settings)
        inputs = try InputPlan(contract: contract, program: program)
        outputs = try OutputPlan(contract: contract, program: program)
        do throws(GuardProblems) {
            killSwitches = try KillSwitches(contract: contract)
            bounds = try OutputBounds(
                contract: contract,
                means: artifact.baseline?.outputMeans ?? [:]
            )
            fallback = try FallbackChain(contract: contract, bounds: bounds)
        } catch {
            throw ArtifactError(error.problems.map { ArtifactProblem(contract: $0) })
        }
        canaryCase = try CanaryCase(artifact: artifact, rowLimit: program.maximumRows)
        claim = MemoryBudget.Claim(
            artifact,
            program,
            outputs.specs,
            workspaces: settings.workspaces + 1
        )
        try admit(claim)
        var workspaces: [Workspace] = []
        for _ in 0...settings.workspaces {
            let session = try makeSession(program, threads: settings.threadsPerRequest)
            let table = FeatureTable(contract: contract, maximumRows: program.maximumRows)
            workspaces.append(
                Workspace(
                    session: session,
                    features: table,
                    outputs: OutputTable(outputs.specs)
                )
            )
        }
        reserved = workspaces.removeLast()
        pool = WorkspacePool(workspaces)
        self.metrics = metrics.model(
            name: name,
            version: version,
            contract: contract,
            baseline: artifact.baseline
        )
        var canary = artifact.contract.canary
        if let interval = settings.canaryInterval { canary.interval = interval }
        guards = Guarded(
            GuardState(
                breaker: Breaker(settings: contract.breaker),
                canary: CanaryState(settings: canary, startedAt: now)
            )
        )
    }

    /// Packs what is still read from the files, and makes sure that they were those approved.
    ///
    /// - Returns: what is wrong with the weights in memory now; nil when nothing is.
    func pack() -> ArtifactError? {
        program.pack()
        let touched = artifact.touchedFiles
        guard !touched.isEmpty else { return nil }
        let error = ArtifactError(touched.map { .touched($0) })
        guards.withLock { $0.weightFailure = "\(error)" }
        return error
    }

    /// Whether the weights in memory may be others than those approved.
    var hasOtherWeights: Bool { guards.withLock { $0.weightFailure != nil } }

    /// Nanoseconds that a body of this size will probably take.
    package func expectedCost(bodyBytes: Int) -> Int {
        let (cost, overflow) = costPerByte.load(ordering: .relaxed)
            .multipliedReportingOverflow(by: bodyBytes)
        return overflow ? .max : cost
    }

    /// The contract's outputs with the shapes that the graph gives them.
    package var outputSpecs: [OutputSpec] { outputs.specs }

    /// - Returns: whether the verdict is another than the last one.
    func noteVerdict(_ verdict: String) -> Bool {
        guards.withLock { state in
            defer { state.lastVerdict = verdict }
            return state.lastVerdict != verdict
        }
    }

    /// Begins the average.
    func setCost(nanoseconds: Int, bodyBytes: Int) {
        guard bodyBytes > 0 else { return }
        costPerByte.store(max(1, min(nanoseconds / bodyBytes, 1_000_000)), ordering: .relaxed)
    }

    package func noteCost(nanoseconds: Int, bodyBytes: Int) {
        guard bodyBytes > 0 else { return }
        let before = costPerByte.load(ordering: .relaxed)
        let latest = min(nanoseconds / bodyBytes, 1_000_000)
        costPerByte.store(max(1, (before * 15 + latest) / 16), ordering: .relaxed)
    }
}

/// What the daemon's configuration says about memory and threads of a model.
package struct ModelSettings: Sendable {
    /// Rows a request may have; the arena is planned for them.
    package var maximumRows: Int
    /// Predictions at once, not counting the canary's.
    package var workspaces: Int
    /// What an arena and the constants must fit; nil where they are only looked at.
    package var memory: MemoryBound?
    /// Room in an arena for values whose size follows from data, where the model has such.
    package var lateByteCount: Int
    /// Threads that share the large steps of one prediction.
    package var threadsPerRequest: Int
    /// Stands in for the contract's own interval between golden runs.
    package var canaryInterval: Duration?
    /// Whether large weights are read from their files until `ModelVersion.pack`.
    package var packsLater: Bool

    package init(
        maximumRows: Int,
        workspaces: Int,
        memory: MemoryBound? = nil,
        lateByteCount: Int = 64 << 20,
        threadsPerRequest: Int = 1,
        canaryInterval: Duration? = nil,
        packsLater: Bool = false
    ) {
        self.packsLater = packsLater
        self.lateByteCount = lateByteCount
        self.threadsPerRequest = threadsPerRequest
        self.canaryInterval = canaryInterval
        self.maximumRows = maximumRows
        self.workspaces = workspaces
        self.memory = memory
    }
}

extension ModelSettings {
    /// As the daemon has them on this machine.
    package init(_ settings: Settings, memory: MemoryBound? = nil, packsLater: Bool) {
        self.init(
            maximumRows: settings.limits.rows,
            workspaces: settings.loopCount(cores: processorCount)
                + settings.arenaCount(cores: processorCount),
            memory: memory,
            lateByteCount: settings.limits.lateMemory,
            threadsPerRequest: settings.concurrency.threadsPerRequest,
            canaryInterval: settings.canary.interval,
            packsLater: packsLater
        )
    }
}

/// Reads the graph and plans it; a plan that is too large says what it may be.
func compile(
    _ artifact: Artifact,
    _ settings: ModelSettings
) throws(ArtifactError) -> Program {
    var options = ProgramOptions()
    options.maximumRows = settings.maximumRows
    options.memoryLimit = settings.memory?.byteCount ?? .max
    options.lateByteCount = settings.lateByteCount
    options.openShapes = artifact.contract.inputShapes
    options.packsLater = settings.packsLater
    let program: Program
    do throws(EngineError) {
        program = try Program(
            model: artifact.model,
            beside: artifact.mappedFiles,
            options: options
        )
    } catch {
        if case .memoryLimit = error.kind, let memory = settings.memory {
            throw ArtifactError(
                ArtifactProblem(
                    file: "model.onnx",
                    place: "memory",
                    found: (error.node.map { "node \($0): " } ?? "") + error.problem,
                    expected: "at most \(memory)",
                    remedy: "lower limits.rows, or \(memory.remedy)"
                )
            )
        }
        throw ArtifactError([
            ArtifactProblem(
                file: "model.onnx",
                place: "graph",
                found: "\(error)",
                expected: "a graph that can be planned and run",
                remedy: "export the model again, or see docs/models.md for what is supported"
            )
        ])
    }
    // The digests were taken before the weights were packed from the same mappings.
    let touched = artifact.touchedFiles
    guard touched.isEmpty else { throw ArtifactError(touched.map { .touched($0) }) }
    return program
}

extension Artifact {
    /// Mapped files that are no longer, or that a read found not to be, what was hashed.
    fileprivate var touchedFiles: [String] {
        mappedFiles.filter { !$0.value.isUntouched }.keys.sorted()
    }
}

extension ArtifactProblem {
    fileprivate static func touched(_ path: String) -> ArtifactProblem {
        ArtifactProblem(
            file: path,
            found: "written to or replaced while it was loaded",
            expected: "the bytes whose digest was checked",
            remedy: "put the approved artifact back and load it again"
        )
    }
}

private func makeSession(_ program: Program, threads: Int) throws(ArtifactError) -> Session {
    do {
        return try Session(program, threads: threads)
    } catch {
        throw ArtifactError([
            ArtifactProblem(
                file: "model.onnx",
                place: "arena",
                found: "\(error)",
                expected: "\(program.plan.arenaByteCount) bytes of memory",
                remedy: "lower limits.rows or concurrency, or give the process more memory"
            )
        ])
    }
}

extension Contract {
    /// The shapes that features give graph inputs, a row's behind an open first length.
    fileprivate var inputShapes: [String: [Int]] {
        var shapes: [String: [Int]] = [:]
        for feature in features {
            let encoding = feature.encoding
            guard let shape = feature.shape else {
                let width = encoding.form == .oneHot ? feature.categories?.count ?? 1 : 1
                let present = shapes[encoding.input]?.last ?? 0
                shapes[encoding.input] = [-1, max(present, encoding.column + width)]
                continue
            }
            shapes[encoding.input] = [-1] + shape
        }
        return shapes
    }
}
