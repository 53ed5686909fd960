// SPDX-License-Identifier: Apache-2.0
package import Artifacts
package import HTTP

/// Everything that an operator can set, with its default.
///
/// `Settings.table` says for each one its path in the file, its unit and its range; `Config/serin.json` explains them.
package struct Settings: Sendable, Equatable {
    /// The folder that holds `<name>/<version>/` artifacts.
    package var models = "Models"
    /// Where predictions are asked for.
    package var address = "0.0.0.0"
    package var port = 8080
    /// A Unix-domain socket beside the port; nil for none.
    package var socket: String?
    package var socketMode = 0o660
    /// Of the port for predictions.
    package var tls = TLS()
    package var operations = Operations()
    /// Who may ask for predictions; anybody where empty.
    package var inferenceTokens: [Token] = []
    /// Event loops; 0 is one a core.
    package var loops = 0
    package var limits = Limits()
    package var deadlines = Deadlines()
    package var drain = Drain()
    package var concurrency = Concurrency()
    package var rateLimit = RateLimit()
    package var compression = Compression()
    package var canary = Canary()
    package var integrity = Integrity()
    package var versions = Versions()
    package var rollout = Rollout()
    /// The least that an artifact must be to be served.
    package var stage = Stage.staging
    /// Models without which the daemon is not ready.
    package var requiredModels: [String] = []
    /// Nil is chosen by `stateDirectory(in:)`.
    package var stateDirectory: String?
    package var journal = Journal()
    package var log = Log()
    /// Bytes; nil is the container's limit, or the machine's memory where there is none.
    package var memoryLimit: Int?
    /// A folder of public keys in PEM whose signatures count.
    package var trustedKeys: String?
    package var requireSignature = false
    /// A file of pinned packages that every artifact's environment must have.
    package var requiredEnvironment: String?
    package var errors = Errors()

    package init() {}

    /// The port for operators: status, metrics, overrides.
    package struct Operations: Sendable, Equatable {
        package var address = "127.0.0.1"
        package var port = 8081
        /// As those of the port for predictions.
        package var socket: String?
        package var socketMode = 0o660
        package var tls = TLS()
        package var tokens: [Token] = []
    }

    /// How a port speaks TLS; without a certificate it does not.
    package struct TLS: Sendable, Equatable {
        package var certificates: [TLSConfiguration.Certificate] = []
        package var clientCertificates = TLSConfiguration.ClientCertificates.none
        /// A PEM file of the authorities whose client certificates count.
        package var clientCA: String?
        /// Who may do with a certificate what others may do with a token.
        package var clientNames: [String] = []
    }

    /// A credential, kept as the digest of its text.
    package struct Token: Sendable, Equatable {
        /// Who it is; the journal names it.
        package var name: String
        /// Of the token's UTF-8, in 64 lowercase hexadecimal digits.
        package var sha256: String

        package init(name: String, sha256: String) {
            self.name = name
            self.sha256 = sha256
        }
    }

    /// What one request, and all of them together, may take.
    package struct Limits: Sendable, Equatable {
        package var headBytes = 16 << 10
        package var targetBytes = 8 << 10
        package var bodyBytes = 8 << 20
        /// Bytes of a packed body for each that came, beyond its first MiB.
        package var unpackedRatio = 400
        package var connections = 4096
        /// Bytes a second that a body must come with, and an answer be taken with.
        package var minimumRate = 512
        /// Bytes of bodies held at once, over all connections.
        package var requestMemory = 64 << 20
        /// Rows a request; plans every arena.
        package var rows = 1024
        /// Room in an arena for values whose size follows from data, where a model has such.
        package var lateMemory = 64 << 20
    }

    package struct Deadlines: Sendable, Equatable {
        /// From the first byte of a request to its answer.
        package var request = Duration.seconds(1)
        package var handshake = Duration.seconds(10)
        package var head = Duration.seconds(10)
        package var body = Duration.seconds(30)
        package var idle = Duration.seconds(75)
        package var write = Duration.seconds(30)
    }

    package struct Drain: Sendable, Equatable {
        /// From SIGTERM to the end of accepting, so that balancers learn of it first.
        package var delay = Duration.zero
        /// From then to the end of the process, whatever is in flight.
        package var limit = Duration.seconds(25)
    }

    package struct Concurrency: Sendable, Equatable {
        /// Inferences of one model at once, each with an arena of its own; 0 is one a core.
        package var perModel = 0
        /// Requests of one model that wait for an arena; those beyond get 503.
        package var queue = 256
        /// How long the first of them waits before the latest come first.
        package var lifoAfter = Duration.milliseconds(50)
        /// Threads that share the large steps of one request.
        package var threadsPerRequest = 1
    }

    /// Answers packed as gzip for clients that ask for it.
    package struct Compression: Sendable, Equatable {
        /// Shorter answers are sent as they are.
        package var minimumBytes = 2 << 10
    }

    /// How often one client may ask for predictions.
    package struct RateLimit: Sendable, Equatable {
        /// 0 is as often as it likes.
        package var requestsPerSecond = 0.0
        /// Requests at once; at least one second's.
        package var burst = 0
    }

    package struct Canary: Sendable, Equatable {
        /// The share by which an interval is lengthened or shortened at random.
        package var jitter = 0.1
        /// Stands in for every contract's own interval.
        package var interval: Duration?
    }

    /// Which versions are loaded, and how one takes the place of another.
    package struct Versions: Sendable, Equatable {
        package enum Swap: String, Sendable, CaseIterable {
            /// Old and new are in memory together for a while.
            case beside
            /// Where they do not fit together, the old one goes first; the model answers 503 meanwhile.
            case drain
        }
        /// As `VersionPolicy` reads it.
        package var policy = "2 latest"
        /// `model=policy`, for those that have one of their own.
        package var models: [String] = []
        package var swap = Swap.beside
        /// Whether what changes in the models folder is taken up without being asked to.
        package var watch = true
        /// How long a folder must have been still to be read.
        package var settle = Duration.seconds(1)
        /// How often the folder is looked at even if the kernel told of no change.
        package var poll = Duration.seconds(30)
    }

    package struct Integrity: Sendable, Equatable {
        /// Between two slices.
        package var interval = Duration.seconds(1)
        /// Hashed at a time, of each model.
        package var sliceBytes = 1 << 20
        /// Whether large files are sealed, and recognised by that at the next start.
        package var seals = true
    }

    package struct Journal: Sendable, Equatable {
        /// Of its two files together.
        package var maximumBytes = 16 << 20
    }

    package struct Log: Sendable, Equatable {
        package enum Level: String, Sendable, CaseIterable { case debug, info, warning, error }
        package var level = Level.info
    }

    package struct Errors: Sendable, Equatable {
        /// Whether clients read values and allowed categories in an error's details.
        package var isVerbose = true
    }
}

extension Settings {
    package func loopCount(cores: Int) -> Int { loops > 0 ? loops : max(1, cores) }

    /// Arenas of one model, which is also how many of its inferences run at once.
    package func arenaCount(cores: Int) -> Int {
        concurrency.perModel > 0 ? concurrency.perModel : max(1, cores)
    }
}
