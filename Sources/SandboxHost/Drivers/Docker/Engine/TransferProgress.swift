import GEM

/// How far a pull or a push is, from the stream of JSON values that the engine answers with.
struct TransferProgress: Sendable {
    private struct Layer {
        var current = 0
        var total = 0
        var isDone = false
    }

    /// More layers than any image has; what comes after is not counted.
    private static let mostLayers = 1024

    private var layers: [String: Layer] = [:]
    private(set) var status = ""
    /// What the engine says went wrong; `nil` while nothing has.
    private(set) var failure: String?
    /// The digest that a push ended with.
    private(set) var digest: String?

    /// Takes note of one value of the stream.
    ///
    /// - Returns: Whether ``message`` may have changed.
    mutating func note(_ json: JSON) -> Bool {
        if let error = json["errorDetail"]?["message"]?.string ?? json["error"]?.string {
            failure = EngineText.line(error)
            return true
        }
        if let digest = json["aux"]?["Digest"]?.string { self.digest = digest }
        guard let status = json["status"]?.string else { return false }
        if let digest = Self.digest(in: status) { self.digest = digest }
        guard let id = json["id"]?.string, layers[id] != nil || layers.count < Self.mostLayers else {
            self.status = EngineText.line(status, limit: 200)
            return true
        }
        var layer = layers[id] ?? Layer()
        if let detail = json["progressDetail"], let total = detail["total"]?.int, total > 0 {
            layer.total = total
            layer.current = max(layer.current, min(total, detail["current"]?.int ?? 0))
        }
        if ["Pull complete", "Download complete", "Already exists", "Pushed", "Layer already exists"].contains(status) {
            layer.isDone = true
            layer.current = layer.total
        }
        layers[id] = layer
        return true
    }

    /// How far it is: `2 of 5 layers, 12 of 80 MiB`.
    var message: String {
        guard !layers.isEmpty else { return status }
        let done = layers.values.count(where: \.isDone)
        let total = layers.values.reduce(0) { $0 &+ $1.total }
        let current = layers.values.reduce(0) { $0 &+ $1.current }
        let bytes = total > 0 ? ", \(current >> 20) of \(total >> 20) MiB" : ""
        return "\(done) of \(layers.count) layers\(bytes)"
    }

    /// Docker ends a push with `latest: digest: sha256:… size: 1234`.
    private static func digest(in status: String) -> String? {
        status.split(separator: " ").first { $0.hasPrefix("sha256:") && $0.utf8.count == 71 }.map(String.init)
    }
}
