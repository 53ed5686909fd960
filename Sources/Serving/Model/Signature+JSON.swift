// SPDX-License-Identifier: Apache-2.0
package import Artifacts
package import JSON

extension Artifact.Signature {
    /// Who signed, as every page for machines has it.
    package var document: JSONValue {
        switch self {
        case .absent: ["verdict": "absent"]
        case .unchecked: ["verdict": "unchecked"]
        case .verified(let signer):
            [
                "verdict": "verified", "key": .string(signer.name),
                "key_id": .string(signer.keyID),
            ]
        }
    }
}
