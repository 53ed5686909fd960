// SPDX-License-Identifier: Apache-2.0
import HTTP
import Testing

@testable import Serving

@Suite struct LiveSettingsTests {
    private func credentials(_ settings: Settings) -> Credentials {
        Credentials(
            operators: .init(tokens: settings.operations.tokens),
            clients: .init(
                tokens: settings.inferenceTokens,
                names: settings.tls.clientNames
            )
        )
    }

    private func live(_ settings: Settings = Settings()) -> LiveSettings {
        LiveSettings(settings, credentials(settings))
    }

    @Test func `what requests read follows the settings, to and fro`() {
        let live = live()
        #expect(live.longestNanoseconds == 1_000_000_000)
        #expect(live.showsDetails)
        #expect(live.clientCredentials == nil)
        #expect(live.rates == nil)
        var changed = Settings()
        changed.deadlines.request = .milliseconds(20)
        changed.errors.isVerbose = false
        changed.inferenceTokens = [testToken("a", "secret")]
        changed.rateLimit.requestsPerSecond = 2
        live.replace(changed, credentials(changed))
        #expect(live.longestNanoseconds == 20_000_000)
        #expect(!live.showsDetails)
        #expect(live.clientCredentials?.clientsHaveTokens ?? false)
        #expect(live.rates != nil)
        #expect(live.settings == changed)
        live.replace(Settings(), credentials(Settings()))
        #expect(live.longestNanoseconds == 1_000_000_000)
        #expect(live.showsDetails)
        #expect(live.clientCredentials == nil)
        #expect(live.rates == nil)
    }

    @Test func `a client's use of its rate is forgotten only where rates change`() {
        var settings = Settings()
        settings.rateLimit.requestsPerSecond = 1
        let live = live(settings)
        let client = Client(kind: .address, name: "a")
        #expect(live.rates?.admit(client, at: 1) == nil)
        #expect(live.rates?.admit(client, at: 1) != nil)
        settings.errors.isVerbose = false
        live.replace(settings, credentials(settings))
        #expect(live.rates?.admit(client, at: 1) != nil)
        settings.rateLimit.burst = 5
        live.replace(settings, credentials(settings))
        #expect(live.rates?.admit(client, at: 1) == nil)
    }
}
