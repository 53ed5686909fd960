// SPDX-License-Identifier: Apache-2.0
import Artifacts
import HTTP
import JSON
import Platform

/// Answers what the server and its models are: the protocols' metadata and health calls.
struct MetadataEndpoint: Sendable {
    let daemon: DaemonParts

    func answer(_ match: Matched<InferenceRoute>) throws(Failure) -> Response {
        switch match.route {
        case .alive: return document(200) { $0.member("status", "alive") }
        case .document: return json(OpenAPIDocument(daemon: daemon).document())
        case .serverLive: return health(200, isReady: daemon.readiness.isReady)
        case .serverReady:
            let isReady = daemon.readiness.isReady
            return health(isReady ? 200 : 503, isReady: isReady)
        case .serverMetadata: return server()
        case .modelList, .rowModelList:
            return document(200) { writer in
                writer.key("models")
                writer.beginArray()
                for host in daemon.registry.hosts where host.active != nil {
                    writer.string(host.name)
                }
                writer.endArray()
            }
        case .modelMetadata: return model(try daemon.find(match))
        case .modelReady: return ready(try daemon.find(match))
        case .rowModelStatus: return ready(try daemon.find(match))
        case .modelStatistics: return try statistics(match)
        case .infer, .predict, .live, .ready, .startup:
            preconditionFailure("\(match.route) has an endpoint of its own")
        }
    }

    private func health(_ status: Int, isReady: Bool) -> Response {
        document(status) { writer in
            writer.key("ready")
            writer.bool(isReady)
            writer.key("live")
            writer.bool(true)
        }
    }

    private func server() -> Response {
        document(200) { writer in
            writer.member("name", "serin")
            writer.member("version", serinVersion)
            writer.key("extensions")
            writer.beginArray()
            for name in ["binary_tensor_data", "statistics", "parameters"] { writer.string(name) }
            writer.endArray()
        }
    }

    private func ready(_ found: (host: ModelHost, version: ModelVersion)) -> Response {
        let mode = found.host.overrideMode(at: WallClock.now().epochSeconds)
        let checks = Readiness.checks(of: found.version, override: mode, at: .now)
        let isReady = checks.allSatisfy { $0.isOK || $0.isWarning }
        return document(isReady ? 200 : 503) { writer in
            writer.member("name", found.host.name)
            writer.key("ready")
            writer.bool(isReady)
            guard !isReady else { return }
            let reasons = checks.filter { !$0.isOK && !$0.isWarning }.map {
                "\($0.name): \($0.message)"
            }
            writer.member("error", reasons.joined(separator: "; "))
        }
    }

    private func model(_ found: (host: ModelHost, version: ModelVersion)) -> Response {
        let version = found.version
        return document(200) { writer in
            writer.member("name", version.name)
            writer.key("versions")
            writer.beginArray()
            for version in found.host.versions { writer.string(String(version.version)) }
            writer.endArray()
            writer.member("platform", "onnx_onnxv1")
            writer.key("inputs")
            writer.beginArray()
            for feature in version.contract.features {
                tensor(feature.name, feature.datatype, [-1] + (feature.shape ?? []), to: &writer)
            }
            writer.endArray()
            writer.key("outputs")
            writer.beginArray()
            for spec in version.outputSpecs {
                tensor(spec.name, spec.datatype, [-1] + spec.rowShape, to: &writer)
            }
            writer.endArray()
            writer.key("properties")
            writer.beginObject()
            writer.member("version", String(version.version))
            writer.member("stage", version.artifact.manifest.stage.rawValue)
            writer.member("framework", version.artifact.manifest.framework.name)
            writer.endObject()
        }
    }

    private func tensor(
        _ name: String,
        _ datatype: Datatype,
        _ shape: [Int],
        to writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.member("name", name)
        writer.member("datatype", datatype.rawValue)
        writer.key("shape")
        writer.beginArray()
        for dimension in shape { writer.number(dimension) }
        writer.endArray()
        writer.endObject()
    }

    private func statistics(_ match: Matched<InferenceRoute>) throws(Failure) -> Response {
        var versions = daemon.registry.versions
        if let name = match.parameters["model"] {
            versions = versions.filter { $0.name == name }
            if match.parameters["version"] != nil {
                versions = [try daemon.find(match).version]
            }
            if versions.isEmpty { _ = try daemon.find(match) }
        }
        return document(200) { writer in
            writer.key("model_stats")
            writer.beginArray()
            for version in versions { version.metrics.writeStatistics(of: version, to: &writer) }
            writer.endArray()
        }
    }

    private func document(_ status: Int, _ body: (inout JSONWriter) -> Void) -> Response {
        var writer = JSONWriter()
        writer.beginObject()
        body(&writer)
        writer.endObject()
        return Response(
            status: status,
            headers: ["content-type": "application/json"],
            body: writer.bytes
        )
    }
}

extension JSONWriter {
    /// Writes a member whose value is a text.
    mutating func member(_ name: String, _ text: String) {
        key(name)
        string(text)
    }
}
