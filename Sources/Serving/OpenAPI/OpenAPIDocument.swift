// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// The inference port as an OpenAPI 3.1 document, made from the contracts of the loaded models.
struct OpenAPIDocument {
    let daemon: DaemonParts

    func document() -> JSONValue {
        var paths: [JSONMember] = common
        var schemas: [JSONMember] = [JSONMember(name: "Error", value: error)]
        for host in daemon.registry.hosts {
            for version in host.versions {
                let name = "\(host.name).\(version.version).Row"
                schemas.append(JSONMember(name: name, value: .rowSchema(version.contract)))
                let row: JSONValue = ["$ref": .string("#/components/schemas/\(name)")]
                let isActive = version === host.active
                for suffix in (isActive ? [""] : []) + ["/versions/\(version.version)"] {
                    paths += modelPaths(host.name + suffix, version, row)
                }
            }
        }
        var components: [JSONMember] = [JSONMember(name: "schemas", value: .object(schemas))]
        var document: [JSONMember] = [
            JSONMember(name: "openapi", value: "3.1.0"),
            JSONMember(
                name: "info",
                value: [
                    "title": "serin", "version": .string(serinVersion),
                    "description": .string(
                        "Predictions of checked models. Each feature, its type, range and "
                            + "categories follow from the model's contract."
                    ),
                ]
            ),
            JSONMember(name: "paths", value: .object(paths)),
        ]
        if daemon.live.credentials.clientsHaveTokens {
            let bearer: JSONValue = ["type": "http", "scheme": "bearer"]
            components.append(JSONMember(name: "securitySchemes", value: ["token": bearer]))
            document.append(JSONMember(name: "security", value: [["token": []]]))
        }
        document.append(JSONMember(name: "components", value: .object(components)))
        return .object(document)
    }

    // MARK: Models

    private func modelPaths(
        _ name: String,
        _ version: ModelVersion,
        _ row: JSONValue
    ) -> [JSONMember] {
        let model = "\(version.name), version \(version.version)"
        return [
            JSONMember(
                name: "/v1/models/\(name):predict",
                value: ["post": post("Predict rows: \(model)", rows(row), predictions(version))]
            ),
            JSONMember(
                name: "/v2/models/\(name)/infer",
                value: ["post": post("Infer tensors: \(model)", tensors(version), outputs)]
            ),
            JSONMember(
                name: "/v1/models/\(name)",
                value: ["get": get("Whether it is ready: \(model)", canBeUnready: true)]
            ),
            JSONMember(
                name: "/v2/models/\(name)",
                value: ["get": get("What it takes and gives: \(model)")]
            ),
            JSONMember(
                name: "/v2/models/\(name)/ready",
                value: ["get": get("Whether it is ready: \(model)", canBeUnready: true)]
            ),
            JSONMember(
                name: "/v2/models/\(name)/stats",
                value: ["get": get("Its statistics: \(model)")]
            ),
        ]
    }

    private func rows(_ row: JSONValue) -> JSONValue {
        [
            "type": "object",
            "properties": [
                "instances": [
                    "type": "array", "items": row, "minItems": .number(1),
                    "maxItems": .number(daemon.settings.limits.rows),
                ]
            ],
            "required": ["instances"], "additionalProperties": false,
        ]
    }

    private func tensors(_ version: ModelVersion) -> JSONValue {
        let inputs = version.contract.features.map { JSONValue.inputSchema($0) }
        return [
            "type": "object",
            "properties": [
                "id": ["type": "string"],
                "inputs": [
                    "type": "array", "prefixItems": .array(inputs), "items": false,
                    "minItems": .number(inputs.count),
                ],
                "outputs": [
                    "type": "array",
                    "items": [
                        "type": "object",
                        "properties": [
                            "name": [
                                "enum": .array(version.outputSpecs.map { .string($0.name) })
                            ], "parameters": ["type": "object"],
                        ], "required": ["name"], "additionalProperties": false,
                    ],
                ], "parameters": ["type": "object"],
            ],
            "required": ["inputs"], "additionalProperties": false,
        ]
    }

    private func predictions(_ version: ModelVersion) -> JSONValue {
        let specs = version.outputSpecs
        let answer: JSONValue =
            specs.count == 1
            ? .answerSchema(specs[0])
            : [
                "type": "object",
                "properties": .object(
                    specs.map { JSONMember(name: $0.name, value: .answerSchema($0)) }
                ), "required": .array(specs.map { .string($0.name) }),
            ]
        return [
            "type": "object",
            "properties": [
                "predictions": ["type": "array", "items": answer, "minItems": .number(1)],
                "parameters": ["type": "object"],
            ],
            "required": ["predictions", "parameters"],
        ]
    }

    private var outputs: JSONValue {
        [
            "type": "object",
            "properties": [
                "model_name": ["type": "string"], "model_version": ["type": "string"],
                "outputs": ["type": "array", "items": ["type": "object"]],
                "parameters": ["type": "object"],
            ],
            "required": ["model_name", "model_version", "outputs", "parameters"],
        ]
    }

    // MARK: What all have

    private var common: [JSONMember] {
        let texts = ["text/plain", "application/json"]
        var members: [JSONMember] = [
            ("/", "A word that it is there"), ("/openapi.json", "This document"),
            ("/v1/models", "The models"), ("/v2", "What this server is"),
            ("/v2/health/live", "Whether it is alive"), ("/v2/models", "The models"),
            ("/v2/models/stats", "The statistics of all models"),
        ].map { JSONMember(name: $0, value: ["get": get($1)]) }
        members.append(
            JSONMember(
                name: "/v2/health/ready",
                value: ["get": get("Whether it is ready", canBeUnready: true)]
            )
        )
        for (path, summary) in [
            ("/livez", "Whether it is alive"), ("/healthz", "Whether it is alive"),
            ("/readyz", "Whether it is ready"), ("/startupz", "Whether it has started"),
        ] {
            let probe = get(summary, texts, canBeUnready: true)
            members.append(JSONMember(name: path, value: ["get": probe]))
        }
        let check: JSONValue = [
            "name": "check", "in": "path", "required": true, "schema": ["type": "string"],
            "description": "The name of a check, or of a kind of checks, as /readyz lists them",
        ]
        let probe = get("Whether one check of readiness passes", texts, canBeUnready: true)
        members.append(
            JSONMember(name: "/readyz/{check}", value: ["parameters": [check], "get": probe])
        )
        return members
    }

    private func get(
        _ summary: String,
        _ types: [String] = ["application/json"],
        canBeUnready: Bool = false
    ) -> JSONValue {
        let content = JSONValue.object(
            types.map { type in
                let kind: JSONValue = type == "text/plain" ? "string" : "object"
                return JSONMember(name: type, value: ["schema": ["type": kind]])
            }
        )
        var responses: [JSONMember] = [
            JSONMember(name: "200", value: ["description": "Yes", "content": content])
        ]
        if canBeUnready {
            let unready: JSONValue = ["description": "No, and why", "content": content]
            responses.append(JSONMember(name: "503", value: unready))
        }
        return operation(summary, responses + [refusal("4XX", "What is wrong with the request")])
    }

    private func post(
        _ summary: String,
        _ request: JSONValue,
        _ answer: JSONValue
    ) -> JSONValue {
        let responses: [JSONMember] = [
            JSONMember(
                name: "200",
                value: [
                    "description": "The answers, and who gave them",
                    "content": ["application/json": ["schema": answer]],
                ]
            ), refusal("4XX", "What is wrong with the request, at each place"),
            refusal("5XX", "Why there is no answer now"),
        ]
        let body: JSONValue = [
            "required": true, "content": ["application/json": ["schema": request]],
        ]
        guard case .object(let members) = operation(summary, responses) else { return .null }
        return .object(members + [JSONMember(name: "requestBody", value: body)])
    }

    private func operation(_ summary: String, _ responses: [JSONMember]) -> JSONValue {
        ["summary": .string(summary), "responses": .object(responses)]
    }

    private func refusal(_ status: String, _ description: String) -> JSONMember {
        let schema: JSONValue = ["$ref": "#/components/schemas/Error"]
        return JSONMember(
            name: status,
            value: [
                "description": .string(description),
                "content": ["application/json": ["schema": schema]],
            ]
        )
    }

    private var error: JSONValue {
        let text: JSONValue = ["type": "string"]
        return [
            "type": "object",
            "properties": [
                "error": text, "code": text,
                "category": ["enum": ["data", "model", "system", "infrastructure"]],
                "request_id": text, "details": ["type": "array", "items": ["type": "object"]],
                "details_total": ["type": "integer"],
            ],
            "required": ["error", "code", "category", "request_id"],
        ]
    }
}
