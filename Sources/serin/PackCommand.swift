// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Dispatch
import JSON
import Platform
import Serving

extension CommandSpec {
    static let pack = CommandSpec(
        name: "pack",
        summary: "make an artifact of a model, its training data and its predictions",
        help: """
            Infers the contract from the graph and the rows, proposes bounds and a fallback, chooses
            golden records, describes the training distribution, and writes OUT/NAME/VERSION in one
            step. Every row is run through the daemon's own path first: a graph that does not give the
            predictions of the training side is not packed. Exits 1 when something is wrong.
            """,
        examples: [
            "serin pack --model model.onnx --data train.csv --predictions predictions.csv",
            "serin pack --model model.ubj --data rows.npz --predictions-column yhat --target y "
                + "--environment requirements.lock --key release.pem --stage production",
            "serin pack --edit Models/diamonds-price/1 --key release.pem",
        ],
        flags: [
            FlagSpec(
                name: "--edit",
                value: "ARTIFACT",
                summary: "make a new version of an artifact whose files were changed by hand"
            ),
            FlagSpec(
                name: "--model",
                value: "FILE",
                summary: "ONNX, XGBoost's JSON or UBJ, or LightGBM's text"
            ),
            FlagSpec(
                name: "--data",
                value: "FILE",
                summary: "rows: CSV, JSON lines, a JSON list, .npz or .npy"
            ),
            FlagSpec(
                name: "--predictions",
                value: "FILE",
                summary: "the training side's answers for these rows, in their order"
            ),
            FlagSpec(
                name: "--predictions-column",
                value: "COLUMN",
                summary: "a column of the data that holds them",
                isRepeated: true
            ),
            FlagSpec(
                name: "--environment",
                value: "FILE",
                summary: "the lock file of the training environment"
            ),
            FlagSpec(name: "--name", value: "NAME", summary: "default: the model file's name"),
            FlagSpec(name: "--version", value: "N", summary: "default: the next free one"),
            FlagSpec(
                name: "--out",
                value: "DIR",
                summary: "the repository; default: models or Models"
            ),
            FlagSpec(name: "--key", value: "FILE", summary: "sign with this private key in PEM"),
            FlagSpec(
                name: "--passphrase-file",
                value: "FILE",
                summary: "first line opens an encrypted key; - is standard input"
            ),
            FlagSpec(name: "--stage", value: "STAGE", summary: "staging (default) or production"),
            FlagSpec(
                name: "--framework",
                value: "TEXT",
                summary: "what trained the model, such as 'scikit-learn 1.9.1'"
            ),
            FlagSpec(
                name: "--features",
                value: "A,B,C",
                summary: "the columns that the model takes, in its order"
            ),
            FlagSpec(
                name: "--input",
                value: "INPUT=A,B",
                summary: "the same for one of several graph inputs",
                isRepeated: true
            ),
            FlagSpec(
                name: "--target",
                value: "COLUMN",
                summary: "the true value: no feature, but what the fallback is fitted to"
            ),
            FlagSpec(
                name: "--ignore",
                value: "COLUMN",
                summary: "a column that is no feature",
                isRepeated: true
            ),
            FlagSpec(
                name: "--encode",
                value: "COLUMN=FORM",
                summary:
                    "how texts become numbers: ordinal or one_hot, with :first,second,… in the "
                    + "model's order",
                isRepeated: true
            ),
            FlagSpec(
                name: "--missing",
                value: "COLUMN=WAY",
                summary: "reject, fallback, nan, or the value that stands in",
                isRepeated: true
            ),
            FlagSpec(
                name: "--tolerance",
                value: "T",
                summary: "relative, of answers to predictions; default 1e-5"
            ),
            FlagSpec(
                name: "--absolute-tolerance",
                value: "T",
                summary: "for answers near zero; default 1e-9"
            ),
            FlagSpec(
                name: "--least-share",
                value: "S",
                summary: "of rows that must be within tolerance; default 1"
            ),
            FlagSpec(name: "--golden", value: "N", summary: "golden records; default 32"),
            FlagSpec(name: "--seed", value: "N", summary: "for what is drawn; default 7"),
            FlagSpec(
                name: "--float32",
                summary: "take a model in double precision in single precision"
            ),
            FlagSpec(name: "--dry-run", summary: "say all of it and write nothing"),
            .json,
        ],
        run: runPack
    )
}

@Sendable private func runPack(_ arguments: Arguments) throws -> ExitStatus {
    if let source = arguments["--edit"] { return try runEdit(source, arguments) }
    var options = try packOptions(arguments)
    let isJSON = arguments.has("--json")
    let progress = ProgressLine()
    if !isJSON, progress.isVisible {
        options.progress = { progress.show($0, $1, $2) }
    }
    let watcher = leavingNothingBehind(progress)
    defer { withExtendedLifetime(watcher) {} }
    do throws(ArtifactError) {
        let report = try Packer(options).pack()
        progress.clear()
        Terminal.print(isJSON ? report.document.text(pretty: true) : report.text)
        return .done
    } catch {
        progress.clear()
        return refusePacking(error, json: isJSON)
    }
}

/// Lets a signal that ends the command take along what is not whole.
func leavingNothingBehind(_ progress: ProgressLine) -> SignalWatcher {
    let signals = Signal.allCases.filter { !$0.isIgnored }
    return SignalWatcher(signals, on: .global()) { signal in
        UnfinishedFolders.end()
        progress.clear()
        Terminal.complain("serin pack: broken off, nothing was packed")
        endProcess(signal.exitStatus)
    }
}

/// Tells all that is in the way; the answer is no.
func refusePacking(_ error: ArtifactError, json: Bool) -> ExitStatus {
    UnfinishedFolders.waitIfEnding()
    let notes = error.notes.map(ArtifactProblem.oneLine)
    if json {
        let problems = error.problems.map { JSONValue.string($0.description) }
        let document: JSONValue = [
            "verdict": "refused", "problems": .array(problems),
            "notes": .array(notes.map { .string($0) }),
        ]
        Terminal.print(document.text(pretty: true))
    } else {
        Terminal.complain(
            (notes.map { "serin pack: note: \($0)" } + error.problems.map { "serin pack: \($0)" })
                .joined(separator: "\n")
                + "\nserin pack: nothing was packed, " + counted(error.problems.count, "problem")
        )
    }
    switch error.cause {
    case .content: return .no
    case .usage: return .misuse
    case .system: return .failed
    }
}

private func packOptions(_ arguments: Arguments) throws -> PackOptions {
    guard let model = arguments["--model"] else {
        throw CommandFailure.misuse("--model is missing: the model's file")
    }
    guard let data = arguments["--data"] else {
        throw CommandFailure.misuse(
            "--data is missing: rows that the model was trained on, or held out"
        )
    }
    var options = PackOptions(model: model, data: data)
    options.predictions = arguments["--predictions"]
    options.predictionsColumns = arguments.all("--predictions-column")
    options.environment = arguments["--environment"]
    options.name = arguments["--name"]
    options.version = try arguments.integer("--version", in: 1...999_999_999)
    options.out = try arguments.text("--out")
    options.key = try packKey(arguments)
    options.target = arguments["--target"]
    options.ignored = Set(arguments.all("--ignore"))
    options.features = try arguments["--features"].map {
        (text) throws(CommandFailure) in try names(text, flag: "--features")
    }
    options.float32 = arguments.has("--float32")
    options.isDryRun = arguments.has("--dry-run")
    if let count = try arguments.integer("--golden", in: 1...10_000) { options.goldenCount = count }
    if let seed = try arguments.integer("--seed", in: 0...Int(Int32.max)) {
        options.seed = UInt64(seed)
    }
    options.tolerance = try arguments.number("--tolerance", in: 1e-12...0.1) ?? options.tolerance
    options.absoluteTolerance =
        try arguments.number("--absolute-tolerance", in: 0...1) ?? options.absoluteTolerance
    options.leastShare = try arguments.number("--least-share", in: 0...1) ?? options.leastShare
    options.stage = try packStage(arguments) ?? .staging
    if let text = arguments["--framework"] { options.framework = try framework(text) }
    for text in arguments.all("--input") {
        let (input, columns) = try pair(text, flag: "--input", form: "INPUT=A,B,C")
        guard options.inputs[input] == nil else { throw twice("--input", input) }
        options.inputs[input] = try names(columns, flag: "--input")
    }
    for text in arguments.all("--encode") {
        let (column, form) = try pair(text, flag: "--encode", form: "COLUMN=ordinal or one_hot")
        guard options.encodings[column] == nil else { throw twice("--encode", column) }
        options.encodings[column] = try encoding(form)
    }
    for text in arguments.all("--missing") {
        let (column, way) = try pair(
            text,
            flag: "--missing",
            form: "COLUMN=reject, fallback, nan or a value"
        )
        guard options.missing[column] == nil else { throw twice("--missing", column) }
        options.missing[column] = substitute(way)
    }
    if options.features != nil, !options.inputs.isEmpty {
        throw CommandFailure.misuse("--features and --input say the same; give one of them")
    }
    return options
}

/// Names between commas; one that holds a comma stands in quotes, as in a line of CSV.
private func names(_ text: String, flag: String) throws(CommandFailure) -> [String] {
    let bytes = Array(text.utf8)
    var scanner = CSVScanner()
    var fields: [CSVScanner.Field] = []
    let isOne: Bool
    do throws(CSVScanner.Problem) {
        isOne = try scanner.next(in: bytes.span, &fields) && scanner.offset == bytes.count
    } catch {
        throw .misuse("\(flag): \(error.problem) in '\(text)'")
    }
    guard isOne else {
        throw .misuse("\(flag): expected names between commas, found '\(text)'")
    }
    let names = fields.compactMap { CSVScanner.text($0, in: bytes.span) }
    guard !names.contains("") else {
        throw .misuse("\(flag): a name between commas is empty in '\(text)'")
    }
    return names
}

private func twice(_ flag: String, _ name: String) -> CommandFailure {
    .misuse("\(flag) is given twice for '\(name)'")
}

private func pair(
    _ text: String,
    flag: String,
    form: String
) throws(CommandFailure) -> (String, String) {
    if text.hasPrefix("\"") {
        // A name that holds the sign stands in quotes; one in it is written twice.
        var (name, rest) = ("", text.dropFirst())
        while let end = rest.firstIndex(of: "\"") {
            name += rest[..<end]
            rest = rest[rest.index(after: end)...]
            if rest.first == "=", !name.isEmpty { return (name, String(rest.dropFirst())) }
            guard rest.first == "\"" else { break }
            name += "\""
            rest = rest.dropFirst()
        }
    }
    guard let mark = text.firstIndex(of: "="), mark != text.startIndex else {
        throw .misuse("\(flag): expected \(form), found '\(text)'")
    }
    return (String(text[..<mark]), String(text[text.index(after: mark)...]))
}

private func encoding(_ text: String) throws(CommandFailure) -> PackOptions.EncodingChoice {
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    guard let word = parts.first, let form = Encoding.Form(rawValue: word),
        form == .ordinal || form == .oneHot
    else { throw .misuse("--encode: expected ordinal or one_hot, found '\(text)'") }
    let categories = parts.count > 1 ? try names(parts[1], flag: "--encode") : nil
    return .init(form: form, categories: categories)
}

private func substitute(_ word: String) -> Substitute {
    switch word {
    case "reject": .reject
    case "fallback": .fallback
    case "nan", "NaN", "null": .value(.null)
    // What it is follows from the column.
    default: .value(.text(word))
    }
}

private func framework(_ text: String) throws(CommandFailure) -> Manifest.Framework {
    let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
    guard parts.count == 2 else {
        throw .misuse("--framework: expected a name and a version, such as 'xgboost 3.2.0'")
    }
    return Manifest.Framework(name: parts[0], version: parts[1])
}

/// The stage that the artifact is to claim.
func packStage(_ arguments: Arguments) throws(CommandFailure) -> Stage? {
    guard let word = arguments["--stage"] else { return nil }
    guard let stage = Stage(rawValue: word) else {
        throw .misuse("--stage: expected staging or production, found '\(word)'")
    }
    return stage
}

/// The key to sign with.
func packKey(_ arguments: Arguments) throws -> Ed25519.PrivateKey? {
    guard let path = arguments["--key"] else {
        guard !arguments.has("--passphrase-file") else {
            throw CommandFailure.misuse("--passphrase-file opens a key; --key is missing")
        }
        return nil
    }
    let passphrase = try arguments["--passphrase-file"].map(readPassphrase)
    do throws(ArtifactProblem) {
        return try PrivateKeyFile.read(path, passphrase: passphrase)
    } catch {
        throw CommandFailure.misuse("--key: \(error)")
    }
}

extension Arguments {
    /// A flag's value as a number.
    fileprivate func number(
        _ flag: String,
        in range: ClosedRange<Double>
    ) throws(CommandFailure) -> Double? {
        guard let text = self[flag] else { return nil }
        guard let number = Double(text), range.contains(number) else {
            throw .misuse(
                "\(flag): expected a number from \(range.lowerBound) to \(range.upperBound), found "
                    + "'\(text)'"
            )
        }
        return number
    }
}
