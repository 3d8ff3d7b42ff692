import GEM
import Glibc

/// Where a container engine listens.
struct EngineSocket: Equatable, Sendable {
    let path: String
    /// Who said so, for messages: `the setting docker_socket`, `DOCKER_HOST`, `its usual place`.
    let origin: String

    /// Looks for the socket: the setting, then `DOCKER_HOST`, then the usual places of Docker and Podman, those of this
    /// user last. What the setting or the variable names is taken as it is, there or not.
    ///
    /// - Parameters:
    ///   - setting: The setting `docker_socket`: a path, with or without `unix://` in front.
    ///   - variables: The environment's variables.
    ///   - exists: Whether there is a socket at a path.
    /// - Returns: The socket.
    /// - Throws: ``Failure`` of kind `invalidArgument` where something else than a Unix socket is named; `infraFailed`
    ///   where there is none.
    static func find(
        setting: String?, variables: [String: String], exists: (String) -> Bool = Self.isSocket
    ) throws(Failure) -> EngineSocket {
        if let setting { return try named(setting, "the setting docker_socket") }
        if let variable = variables["DOCKER_HOST"], !variable.isEmpty { return try named(variable, "DOCKER_HOST") }
        let places = Self.places(variables)
        for place in places where exists(place) { return EngineSocket(path: place, origin: "its usual place") }
        throw Failure(
            .infraFailed,
            "No container engine's socket is at \(places.joined(separator: ", ")). Start Docker (systemctl start docker) "
                + "or Podman (systemctl start podman.socket), or name the socket with the setting docker_socket.")
    }

    /// The places where engines put their sockets.
    static func places(_ variables: [String: String]) -> [String] {
        var places = ["/var/run/docker.sock", "/run/podman/podman.sock"]
        if let folder = variables["XDG_RUNTIME_DIR"], folder.hasPrefix("/") {
            places += ["\(folder)/docker.sock", "\(folder)/podman/podman.sock"]
        }
        return places
    }

    private static func named(_ text: String, _ origin: String) throws(Failure) -> EngineSocket {
        let path = text.hasPrefix("unix://") ? String(text.dropFirst("unix://".utf8.count)) : text
        guard path.hasPrefix("/"), path.utf8.count <= 107, !path.utf8.contains(0) else {
            throw Failure(
                .invalidArgument,
                "\(origin) must name a Unix socket by its absolute path of at most 107 bytes, such as "
                    + "unix:///var/run/docker.sock, not \"\(text)\". Engines on other machines are not supported: run a "
                    + "host there.")
        }
        return EngineSocket(path: path, origin: origin)
    }

    static func isSocket(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }
}
