import GEM

/// One of the containers that `GET /containers/json` lists.
struct ListedContainer: Equatable, Sendable {
    let id: String
    let name: String
    let labels: [String: String]
    /// Seconds since 1970.
    var created: Int64 = 0

    /// The list in the engine's order; entries without an id are left out.
    static func list(_ json: JSON) throws(EngineError) -> [ListedContainer] {
        guard let array = json.array else {
            throw EngineError(kind: .garbage, message: "The container engine's list of containers is no list.")
        }
        return array.compactMap { entry in
            guard let id = entry["Id"]?.string else { return nil }
            let name = entry["Names"]?[0]?.string ?? ""
            return ListedContainer(
                id: id, name: name.hasPrefix("/") ? String(name.dropFirst()) : name,
                labels: ContainerState.labels(entry["Labels"]), created: Int64(entry["Created"]?.int ?? 0))
        }
    }
}
