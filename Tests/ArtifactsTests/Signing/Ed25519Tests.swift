// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Artifacts

@Suite struct Ed25519Tests {
    struct Vector: Sendable {
        var seed: String, publicKey: String, message: String, signature: String
    }

    /// RFC 8032, section 7.1: TEST 1, 2, 3 and TEST SHA(abc).
    static let vectors = [
        Vector(
            seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            publicKey: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            message: "",
            signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
        Vector(
            seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            message: "72",
            signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
        Vector(
            seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            publicKey: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            message: "af82",
            signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
        Vector(
            seed: "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            publicKey: "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            message: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            signature: "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
                + "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ]

    static func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = Array(hexadecimal.utf8).map {
            UInt8(Character(UnicodeScalar($0)).hexDigitValue ?? 0)
        }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private func accepts(_ key: Ed25519.PublicKey, _ signature: [UInt8], _ message: [UInt8]) -> Bool
    {
        key.accepts(signature, for: message.span)
    }

    @Test(arguments: vectors)
    func `signs and checks as RFC 8032 does`(vector: Vector) throws {
        let message = Self.bytes(vector.message)
        let signature = Self.bytes(vector.signature)
        let privateKey = try #require(Ed25519.PrivateKey(seed: Self.bytes(vector.seed)))
        let publicKey = try #require(Ed25519.PublicKey(bytes: Self.bytes(vector.publicKey)))
        #expect(privateKey.publicKey == publicKey)
        #expect(privateKey.signature(for: message.span) == signature)
        #expect(accepts(publicKey, signature, message))
    }

    @Test(arguments: vectors)
    func `any flipped bit of a signature or message is refused`(vector: Vector) throws {
        let message = Self.bytes(vector.message)
        let signature = Self.bytes(vector.signature)
        let key = try #require(Ed25519.PublicKey(bytes: Self.bytes(vector.publicKey)))
        for bit in 0..<signature.count * 8 {
            var wrong = signature
            wrong[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!accepts(key, wrong, message))
        }
        for bit in 0..<message.count * 8 {
            var wrong = message
            wrong[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!accepts(key, signature, wrong))
        }
        #expect(!accepts(key, signature.dropLast(), message))
        #expect(!accepts(key, [], message))
        #expect(!accepts(key, signature, (message + [0])))
    }

    @Test func `reads and writes keys as OpenSSL's command line does`() throws {
        // openssl genpkey -algorithm ed25519; openssl pkey -pubout; openssl pkeyutl -sign -rawin
        let privatePEM = """
            -----BEGIN PRIVATE KEY-----
            MC4CAQAwBQYDK2VwBCIEINKN10QfVmygu6b6WIm0pyaNdd+Aojgyy2pHZxmBwn3a
            -----END PRIVATE KEY-----

            """
        let publicPEM = """
            -----BEGIN PUBLIC KEY-----
            MCowBQYDK2VwAyEAbLCKE0cMyNF4D3mPsmAT6Zlx5V3Tx1Q+pRf/3Imc1H0=
            -----END PUBLIC KEY-----

            """
        let signature =
            "wZtLQJQNxZ9PImGHuA8/kSFVbOf8Spn70elPCxgNTW0HDdJEhu/icLODFycz"
            + "/c1fRxyHQMRG83vU5qV1fxSaBQ=="
        let privateKey = try #require(Ed25519.PrivateKey(pem: Array(privatePEM.utf8)))
        let publicKey = try #require(Ed25519.PublicKey(pem: Array(publicPEM.utf8)))
        #expect(privateKey.pem == privatePEM)
        #expect(publicKey.pem == publicPEM)
        #expect(privateKey.publicKey == publicKey)
        let message = Array("serin\n".utf8)
        let recorded = try #require(Base64.decode(signature.utf8))
        #expect(accepts(publicKey, recorded, message))
        #expect(privateKey.signature(for: message.span) == recorded)
    }

    /// An RSA key, a private key, two keys, a cut key, no key.
    static let otherFiles = [
        "", "not a key",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAbLCKE0cMyNF4D3mPsmAT6Zlx5V3Tx1Q+pRf/3Imc1H0=\n",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAbLCKE0cMyNF4D3mPsmAT6Zlx5V3Tx1Q+pRf/3Imc1_0=\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINKN10QfVmygu6b6WIm0pyaNdd+Aojgyy2pHZxmBwn3a\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAbLCKE0cMyNF4D3mPsmAT6Zlx5V3Tx1Q+pRf/3Imc1H0=\n-----END PUBLIC KEY-----\n"
            + "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAbLCKE0cMyNF4D3mPsmAT6Zlx5V3Tx1Q+pRf/3Imc1H0=\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhbTD5ffSrYyiILSOfEVKBotUMVUg\nTnNwW7LEZNFG5oyLkNXchSF84VU4x2qIYEACzED4740MZISpVpN8OZNfIQ==\n-----END PUBLIC KEY-----\n",
    ]

    @Test(arguments: otherFiles)
    func `a file that is not one Ed25519 public key is refused`(file: String) {
        #expect(Ed25519.PublicKey(pem: Array(file.utf8)) == nil)
    }
}
