// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// One set of rules for every target.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // Tests run with every check. What they try over and over is not looked up again for each access
    // to a class's property while serving: that costs a twentieth of a small request.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
    // Generic functions of one module are made for the types of another, instead of looked up in
    // tables while running.
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

/// The modules from the bottom up; each may import only those above it in this list.
let modules: [(name: String, imports: [Target.Dependency])] = [
    ("Platform", ["CLinux"]),
    ("JSON", ["CLinux", "Platform"]),
    ("Tensors", ["Platform"]),
    ("ONNX", ["Platform", "Tensors"]),
    ("Engine", ["CKernels", "Platform", "Tensors", "ONNX"]),
    ("Artifacts", ["COpenSSL", "CZlib", "Platform", "JSON", "Tensors", "ONNX"]),
    ("Guards", ["CKernels", "Platform", "JSON", "Artifacts"]),
    ("Telemetry", ["CLinux", "CZlib", "Platform", "JSON"]),
    ("HTTP", ["CLinux", "COpenSSL", "CZlib", "Platform"]),
    (
        "Serving",
        [
            "COpenSSL", "Platform", "JSON", "Tensors", "ONNX", "Engine", "Artifacts", "Guards",
            "Telemetry", "HTTP",
        ]
    ),
]

/// Modules whose tests hold recorded answers beside them.
let recorded = ["Artifacts", "Engine", "Guards", "HTTP", "JSON", "Serving", "Telemetry"]

let package = Package(
    name: "serin",
    products: [.executable(name: "serin", targets: ["serin"])],
    targets: [
        .systemLibrary(
            name: "COpenSSL",
            pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]
        ),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CLinux"),
        .target(name: "CMallocCount", path: "Tests/CMallocCount"),
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O2", "-fno-math-errno"])]),
    ]
        + modules.map { .target(name: $0.name, dependencies: $0.imports, swiftSettings: house) }
        + [
            .executableTarget(
                name: "serin",
                dependencies: modules.map { .init(stringLiteral: $0.name) },
                swiftSettings: house
            )
        ]
        + modules.map {
            .testTarget(
                name: $0.name + "Tests",
                dependencies: [.init(stringLiteral: $0.name)] + $0.imports
                    + ($0.name == "Engine" ? ["CMallocCount"] : []),
                exclude: recorded.contains($0.name) ? ["Fixtures"] : [],
                swiftSettings: house
            )
        }
        + [
            .testTarget(
                name: "serinTests",
                dependencies: ["serin", "JSON", "ONNX", "Platform", "Serving", "Tensors"],
                exclude: ["Fixtures"],
                swiftSettings: house
            )
        ]
)

// The fuzzers link only with libFuzzer, so they are there only where Tests/Fuzz/run asks for them.
if Context.environment["SERIN_FUZZ"] != nil {
    package.targets += [
        .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
        .executableTarget(
            name: "SerinFuzz",
            dependencies: ["CFuzzer"] + modules.map { .init(stringLiteral: $0.name) },
            path: "Tests/Fuzz/Targets",
            swiftSettings: house
        ),
    ]
}
