// SPDX-License-Identifier: Apache-2.0
private import COpenSSL
import Glibc
import Platform

/// The private key of somebody who signs artifacts, in the file that it lies in.
package enum PrivateKeyFile {
    /// Reads an Ed25519 key, for the signatures of `artifact.sig`.
    package static func read(
        _ path: String,
        passphrase: String? = nil
    ) throws(ArtifactProblem) -> Ed25519.PrivateKey {
        switch try read(path, for: .serin, passphrase: passphrase) {
        case .ed25519(let key): return key
        case .ecdsa: throw wrongKind(path, .serin)
        }
    }

    /// Reads a key in any form of PEM that OpenSSL knows, encrypted ones with a passphrase.
    ///
    /// - Throws: a file that others may read too, that cannot be read, or that is no key for
    ///   signatures of `format`.
    package static func read(
        _ path: String,
        for format: SignatureFormat,
        passphrase: String? = nil
    ) throws(ArtifactProblem) -> SigningKey {
        var (bytes, status) = try contents(of: path)
        defer { unsafe OPENSSL_cleanse(&bytes, bytes.count) }
        guard status.permissions & 0o077 == 0 else {
            throw ArtifactProblem(
                file: path,
                found: "others than its owner may read or write this private key (mode 0"
                    + "\(String(status.permissions & 0o777, radix: 8)))",
                remedy: "run chmod 600 \(path), and make a new key where somebody may have read it"
            )
        }
        if passphrase == nil, isEncrypted(bytes) {
            throw ArtifactProblem(
                file: path,
                found: "the private key is encrypted",
                remedy:
                    "give --passphrase-file FILE, or write it plain with openssl pkey -in \(path)"
                    + " -out NEW and keep that to its owner"
            )
        }
        guard let key = decode(bytes, passphrase: passphrase) else {
            guard isEncrypted(bytes) else { throw wrongKind(path, format) }
            throw ArtifactProblem(
                file: path,
                found: "the passphrase does not open this private key",
                remedy: "see that the passphrase file has it in its first line"
            )
        }
        switch (key, format) {
        case (.ed25519, .serin), (.ecdsa, .openssf): return key
        default: throw wrongKind(path, format)
        }
    }

    private static func wrongKind(_ path: String, _ format: SignatureFormat) -> ArtifactProblem {
        switch format {
        case .serin:
            ArtifactProblem(
                file: path,
                found: "not an Ed25519 private key in PEM",
                expected: "what openssl genpkey -algorithm ed25519 writes",
                remedy: "make one with serin sign --new-key FILE, or sign with --format openssf"
            )
        case .openssf:
            ArtifactProblem(
                file: path,
                found: "not a private key on P-256, P-384 or P-521 in PEM",
                expected: "what openssl ecparam -name prime256v1 -genkey writes",
                remedy: "make one with serin sign --new-key FILE --format openssf"
            )
        }
    }

    /// Makes a key pair: the private half at `path`, its owner's alone, the public half beside it.
    ///
    /// - Returns: the key, and the path of its public half.
    /// - Throws: where either file is there already, since a key that has signed is still needed.
    package static func make(
        _ path: String,
        for format: SignatureFormat = .serin
    ) throws(ArtifactProblem) -> (key: SigningKey, publicPath: String) {
        let stem = path.hasSuffix(".pem") ? String(path.dropLast(4)) : path
        let publicPath = "\(stem).pub.pem"
        for path in [path, publicPath] where fileExists(path) {
            throw ArtifactProblem(
                file: path,
                found: "there is a file of this name",
                remedy: "choose another name; a key is never overwritten"
            )
        }
        let key: SigningKey =
            switch format {
            case .serin: .ed25519(.random())
            case .openssf: .ecdsa(.random())
            }
        try write(key.pem, to: path, mode: 0o600)
        do throws(ArtifactProblem) {
            try write(key.publicKey.pem, to: publicPath, mode: 0o644)
        } catch {
            try? removeFile(path)
            throw error
        }
        return (key, publicPath)
    }

    private static func contents(
        of path: String
    ) throws(ArtifactProblem) -> (bytes: [UInt8], status: FileStatus) {
        do {
            return try readFileWithStatus(path: path, limit: 16384)
        } catch {
            throw ArtifactProblem(
                file: path,
                found: "the private key cannot be read: "
                    + (error.errno == EINVAL ? "it is no regular file" : error.reason),
                remedy: "correct the path, or make a key with serin sign --new-key FILE"
            )
        }
    }

    private static func write(
        _ text: String,
        to path: String,
        mode: mode_t
    ) throws(ArtifactProblem) {
        do throws(SystemError) {
            let file = try Descriptor.open(
                path,
                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                mode: mode
            )
            do throws(SystemError) {
                try writeAll(Array(text.utf8).span, to: file.number, named: path)
            } catch {
                // Half a key is none, and would be in the way of the next try.
                try? removeFile(path)
                throw error
            }
        } catch {
            throw ArtifactProblem(
                file: path,
                found: "cannot be written: \(error.reason)",
                remedy: error.errno == ENOSPC
                    ? "make room on the disk" : "choose a folder that you may write to"
            )
        }
    }

    /// Both forms in which OpenSSL writes encrypted keys: PKCS #8 and the traditional one.
    private static func isEncrypted(_ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        return text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
            || text.contains("Proc-Type: 4,ENCRYPTED")
    }

    /// Nil for anything but one key of a kind that signs, which the passphrase opens.
    ///
    /// Safety: buffer and key are freed here; a passphrase is always lent, so that OpenSSL never
    /// asks for one at a terminal.
    private static func decode(_ pem: [UInt8], passphrase: String?) -> SigningKey? {
        defer { ERR_clear_error() }
        guard let count = Int32(exactly: pem.count),
            let buffer = unsafe BIO_new_mem_buf(pem, count)
        else { return nil }
        defer { unsafe BIO_free(buffer) }
        var phrase = Array((passphrase ?? "").utf8CString)
        defer { unsafe OPENSSL_cleanse(&phrase, phrase.count) }
        let key = unsafe phrase.withUnsafeMutableBytes {
            unsafe PEM_read_bio_PrivateKey(buffer, nil, nil, $0.baseAddress)
        }
        guard let key = unsafe key else { return nil }
        defer { unsafe EVP_PKEY_free(key) }
        guard unsafe EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 else {
            let count = unsafe i2d_PrivateKey(key, nil)
            guard count > 0 else { return nil }
            var der = [UInt8](repeating: 0, count: Int(count))
            defer { unsafe OPENSSL_cleanse(&der, der.count) }
            unsafe der.withUnsafeMutableBufferPointer { buffer in
                var place = buffer.baseAddress
                _ = unsafe i2d_PrivateKey(key, &place)
            }
            return ECDSA.PrivateKey(der: der).map { .ecdsa($0) }
        }
        var seed = [UInt8](repeating: 0, count: 32)
        defer { unsafe OPENSSL_cleanse(&seed, seed.count) }
        var seedCount = seed.count
        guard unsafe EVP_PKEY_get_raw_private_key(key, &seed, &seedCount) == 1 else { return nil }
        return Ed25519.PrivateKey(seed: seed).map { .ed25519($0) }
    }
}
