// SPDX-License-Identifier: Apache-2.0
extension Settings {
    /// Every setting, in the order of `Config/serin.json`.
    package static let table: [Setting] = [
        .text("models", \.models, "folder of <name>/<version>/ artifacts"),
        .text("address", \.address, "where predictions are asked for"),
        .integer("port", \.port, 0...65535, "port for predictions; 0 takes a free one"),
        .text("socket", \.socket, "path of a Unix-domain socket beside the port; none where null"),
        .permissions("socket_mode", \.socketMode, "who may connect to it"),
        .certificates("tls.certificates", \.tls.certificates, "with one the port speaks TLS"),
        .choice(
            "tls.client_certificates",
            \.tls.clientCertificates,
            "whether clients show a certificate"
        ),
        .text("tls.client_ca", \.tls.clientCA, "authorities whose client certificates count"),
        .texts(
            "tls.client_names",
            \.tls.clientNames,
            "who may ask for predictions by certificate; all if none"
        ),
        .text("operations.address", \.operations.address, "where operators ask"),
        .integer(
            "operations.port",
            \.operations.port,
            0...65535,
            "port for status, metrics and overrides; 0 takes a free one"
        ),
        .text(
            "operations.socket",
            \.operations.socket,
            "path of a Unix-domain socket for operators; none where null"
        ),
        .permissions("operations.socket_mode", \.operations.socketMode, "who may connect to it"),
        .certificates(
            "operations.tls.certificates",
            \.operations.tls.certificates,
            "with one the operators' port speaks TLS"
        ),
        .choice(
            "operations.tls.client_certificates",
            \.operations.tls.clientCertificates,
            "whether operators show a certificate"
        ),
        .text(
            "operations.tls.client_ca",
            \.operations.tls.clientCA,
            "authorities whose operators' certificates count"
        ),
        .texts(
            "operations.tls.client_names",
            \.operations.tls.clientNames,
            "who may change state, by certificate"
        ),
        .tokens(
            "operations.tokens",
            \.operations.tokens,
            "who may change state, by digest of a token"
        ),
        .tokens("inference_tokens", \.inferenceTokens, "who may ask for predictions; all if none"),
        .integer("loops", \.loops, 0...1024, "event loops; 0 is one a core"),
        .bytes("limits.head_bytes", \.limits.headBytes, 1024...1 << 20, "a request's head"),
        .bytes("limits.target_bytes", \.limits.targetBytes, 256...1 << 20, "a request's target"),
        .bytes("limits.body_bytes", \.limits.bodyBytes, 1024...1 << 30, "a request's body"),
        .integer(
            "limits.unpacked_ratio",
            \.limits.unpackedRatio,
            1...1_000_000,
            "bytes that a packed body may unpack to for each that came, beyond its first MiB"
        ),
        .integer(
            "limits.connections",
            \.limits.connections,
            1...1_000_000,
            "connections at once"
        ),
        .bytes(
            "limits.minimum_rate",
            \.limits.minimumRate,
            0...1 << 30,
            "a second that a body must come with, and an answer be taken with"
        ),
        .bytes(
            "limits.request_memory",
            \.limits.requestMemory,
            1024...1 << 40,
            "bodies held at once, over all connections"
        ),
        .integer("limits.rows", \.limits.rows, 1...1 << 20, "rows a request; plans every arena"),
        .bytes(
            "limits.late_memory",
            \.limits.lateMemory,
            64 << 10...1 << 40,
            "values whose size follows from data, in each arena of a model that has such"
        ),
        .duration(
            "deadlines.request",
            \.deadlines.request,
            span(10, 600_000),
            "a request's answer"
        ),
        .duration(
            "deadlines.handshake",
            \.deadlines.handshake,
            span(100, 600_000),
            "agreeing on TLS"
        ),
        .duration("deadlines.head", \.deadlines.head, span(100, 600_000), "reading a head"),
        .duration("deadlines.body", \.deadlines.body, span(100, 3_600_000), "reading a body"),
        .duration(
            "deadlines.idle",
            \.deadlines.idle,
            span(100, 3_600_000),
            "an idle connection's end"
        ),
        .duration("deadlines.write", \.deadlines.write, span(100, 3_600_000), "writing an answer"),
        .duration(
            "drain.delay",
            \.drain.delay,
            span(0, 300_000),
            "from SIGTERM to the end of accepting"
        ),
        .duration(
            "drain.limit",
            \.drain.limit,
            span(0, 3_600_000),
            "from then to the process's end"
        ),
        .integer(
            "concurrency.per_model",
            \.concurrency.perModel,
            0...1024,
            "inferences of a model at once, an arena each; 0 is one a core"
        ),
        .integer(
            "concurrency.queue",
            \.concurrency.queue,
            0...1_000_000,
            "requests of a model that wait; those beyond get 503"
        ),
        .duration(
            "concurrency.lifo_after",
            \.concurrency.lifoAfter,
            span(0, 600_000),
            "how long the first waits before the latest come first"
        ),
        .number(
            "rate_limit.requests_per_second",
            \.rateLimit.requestsPerSecond,
            0...1_000_000,
            "requests of one client; those beyond get 429; 0 is no limit"
        ),
        .integer(
            "rate_limit.burst",
            \.rateLimit.burst,
            0...1_000_000,
            "requests of one client at once; at least one second's"
        ),
        .bytes(
            "compression.minimum_bytes",
            \.compression.minimumBytes,
            256...1 << 40,
            "the shortest answer that is packed for clients that ask for it"
        ),
        .integer(
            "concurrency.threads_per_request",
            \.concurrency.threadsPerRequest,
            1...64,
            "threads that share a large step of one request"
        ),
        .number("canary.jitter", \.canary.jitter, 0...0.5, "random share of an interval"),
        .duration(
            "canary.interval",
            \.canary.interval,
            span(100, 86_400_000),
            "stands in for every contract's own"
        ),
        .duration(
            "integrity.interval",
            \.integrity.interval,
            span(10, 3_600_000),
            "between two slices of an artifact hashed again"
        ),
        .bytes(
            "integrity.slice_bytes",
            \.integrity.sliceBytes,
            4096...1 << 30,
            "hashed at a time"
        ),
        .flag("integrity.seals", \.integrity.seals, "restarts recognise large files, unhashed"),
        .text("versions.policy", \.versions.policy, "the versions held: 'N latest' or 'listed N…'"),
        .texts("versions.models", \.versions.models, "'model=policy', for those with their own"),
        .choice("versions.swap", \.versions.swap, "what gives way when two do not fit in memory"),
        .flag("versions.watch", \.versions.watch, "take up what changes in the models folder"),
        .duration(
            "versions.settle",
            \.versions.settle,
            span(50, 600_000),
            "how long a new folder must have been still"
        ),
        .duration(
            "versions.poll",
            \.versions.poll,
            span(100, 86_400_000),
            "how often the folder is looked at anyway"
        ),
        .choice("rollout.mode", \.rollout.mode, "how a new version comes to all traffic"),
        .number(
            "rollout.shadow_share",
            \.rollout.shadowShare,
            0...1,
            "share of requests that a new version runs too, unseen"
        ),
        .duration("rollout.shadow_for", \.rollout.shadowFor, span(0, 604_800_000), "the shadow"),
        .text("rollout.steps", \.rollout.steps, "percents that it answers, before all of it"),
        .duration("rollout.step_for", \.rollout.stepFor, span(0, 604_800_000), "each of them"),
        .integer(
            "rollout.min_rows",
            \.rollout.minimumRows,
            1...1_000_000_000,
            "rows without which no step ends"
        ),
        .number(
            "rollout.tolerance",
            \.rollout.tolerance,
            0...1_000_000,
            "relative difference up to which two answers agree"
        ),
        .number(
            "rollout.min_agreement",
            \.rollout.minimumAgreement,
            0...1,
            "share of rows in shadow that must agree"
        ),
        .number(
            "rollout.max_refused",
            \.rollout.maximumRefused,
            0...1,
            "by how much refused answers may exceed the old version's share"
        ),
        .number(
            "rollout.max_psi",
            \.rollout.maximumPSI,
            0...1_000_000,
            "between the predictions of both"
        ),
        .number(
            "rollout.max_latency_ratio",
            \.rollout.maximumLatencyRatio,
            0...1_000_000,
            "of the median times of an inference"
        ),
        .choice("stage", \.stage, "the least that an artifact must be"),
        .texts("required_models", \.requiredModels, "models without which it is not ready"),
        .text("state_directory", \.stateDirectory, "journal, overrides; chosen where null"),
        .bytes(
            "journal.max_bytes",
            \.journal.maximumBytes,
            64 << 10...1 << 40,
            "the journal's two files together"
        ),
        .choice("log.level", \.log.level, "the least that is logged"),
        .bytes(
            "memory_limit",
            \.memoryLimit,
            32 << 20...1 << 50,
            "what the process may use; where null, the container's limit or the machine's memory"
        ),
        .text("trusted_keys", \.trustedKeys, "folder of public keys whose signatures count"),
        .flag("require_signature", \.requireSignature, "refuse artifacts nobody trusted signed"),
        .text(
            "required_environment",
            \.requiredEnvironment,
            "file of packages that artifacts must be trained with"
        ),
        .flag("errors.verbose", \.errors.isVerbose, "tell clients values and what is allowed"),
    ]

    private static func span(_ low: Int, _ high: Int) -> ClosedRange<Duration> {
        .milliseconds(low)...(.milliseconds(high))
    }
}
