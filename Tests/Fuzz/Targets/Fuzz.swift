// SPDX-License-Identifier: Apache-2.0
import CFuzzer
import Glibc

/// What can be fuzzed, chosen by the variable `SERIN_FUZZ_TARGET`; see `Tests/Fuzz/run`.
enum FuzzTarget: String, CaseIterable {
    case json, head, chunked, gzip, rows, tensors, onnx, engine, contract, importers, data
    case locks, signatures

    /// Tries one input; what must hold of it is a precondition, so that libFuzzer sees a crash.
    func tryInput(_ bytes: [UInt8]) {
        switch self {
        case .json: fuzzJSON(bytes)
        case .head: fuzzHead(bytes)
        case .chunked: fuzzChunked(bytes)
        case .gzip: fuzzGzip(bytes)
        case .rows: fuzzRows(bytes)
        case .tensors: fuzzTensors(bytes)
        case .onnx: fuzzModel(bytes)
        case .engine: fuzzEngine(bytes)
        case .contract: fuzzContract(bytes)
        case .importers: fuzzImporters(bytes)
        case .data: fuzzData(bytes)
        case .locks: fuzzLock(bytes)
        case .signatures: fuzzSignature(bytes)
        }
    }

    /// Whether an input is an ONNX model.
    var isModel: Bool { self == .onnx || self == .engine }

    static let chosen = unsafe getenv("SERIN_FUZZ_TARGET").flatMap { name in
        unsafe FuzzTarget(rawValue: String(cString: name))
    }
}

@c(LLVMFuzzerTestOneInput)
func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: count))
    FuzzTarget.chosen?.tryInput(bytes)
    return 0
}

@main enum Fuzz {
    static func main() {
        guard FuzzTarget.chosen != nil else {
            let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
            print("set SERIN_FUZZ_TARGET to one of \(names)")
            exit(2)
        }
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? =
            unsafe CommandLine.unsafeArgv
        exit(unsafe LLVMFuzzerRunDriver(&count, &arguments) { unsafe testOneInput($0, $1) })
    }
}
