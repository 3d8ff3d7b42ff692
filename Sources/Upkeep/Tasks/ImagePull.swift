package import GEM
import SandboxHost

/// Makes images ready before a sandbox asks for them.
package struct ImagePull: UpkeepTask {
    private struct Wish: Sendable {
        let image: String
        let credentials: RegistryCredentials?
    }

    private let wishes: [Wish]
    private let driver: String?
    private let pull: PullPolicy

    package init(_ parameters: inout TaskParameters) throws(Failure) {
        var wishes: [Wish] = []
        for item in try parameters.list("images") ?? [] {
            if let image = item.string {
                wishes.append(Wish(image: image, credentials: nil))
                continue
            }
            guard let image = item["image"]?.string else {
                throw parameters.refusal("images", "a list of names, or of mappings with 'image'")
            }
            var credentials: RegistryCredentials?
            if let user = item["registry_username"]?.string, let secret = item["registry_password"]?.string {
                // ROCK's files hold passwords in base64.
                guard let bytes = Base64.decode(Array(secret.utf8)) else {
                    throw parameters.refusal("images", "with a registry_password in base64")
                }
                credentials = RegistryCredentials(username: user, password: String(decoding: bytes, as: UTF8.self))
            }
            wishes.append(Wish(image: image, credentials: credentials))
        }
        self.wishes = wishes
        driver = try parameters.text("driver")
        let word = try parameters.text("pull") ?? PullPolicy.missing.rawValue
        guard let pull = PullPolicy(rawValue: word) else { throw parameters.refusal("pull", "one of missing, always") }
        self.pull = pull
    }

    package func run(at workplace: Workplace) async throws(Failure) -> TaskReport {
        let driver = driver ?? workplace.machine.defaultDriver
        var ready: [JSON] = []
        var failures: [String] = []
        for wish in wishes {
            if Task.isCancelled { break }
            do throws(Failure) {
                try await workplace.machine.prepare(
                    image: wish.image, pull: pull, credentials: wish.credentials, driver: driver)
                ready.append(.string(wish.image))
            } catch {
                failures.append(error.message)
            }
        }
        let details: JSON.Object = ["driver": .string(driver), "ready": .array(ready)]
        guard failures.isEmpty else { return .failed(failures.joined(separator: " "), details: details) }
        return TaskReport(.success, details: details)
    }
}
