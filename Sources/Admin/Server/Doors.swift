import GEM
import Transport

/// The ways into a server, opened.
struct Doors {
    let rpc: RPCDoor
    let http: HTTPServer?
    let lines: LineServer?
    let url: String?

    /// Opens what `configuration` asks for.
    ///
    /// - Throws: ``Failure`` that names the address that could not be listened on; nothing stays open then.
    init(
        _ configuration: ServerConfiguration, directory: EnvironmentDirectory, services: Services,
        group: EventLoopGroup
    ) async throws(Failure) {
        let limits = configuration.limits
        services.watchStarts()
        let interface = InterfaceDoor(
            services: services, access: services.access, messageBytes: limits.messageBytes)
        let rpc = RPCDoor(
            calls: EnvironmentCalls(directory: directory, info: "brief"), interface: interface,
            batchLimit: limits.batchCount)
        self.rpc = rpc
        lines = try await Self.openLines(configuration, services, rpc: rpc, group: group)
        guard configuration.listensOnTCP else {
            (http, url) = (nil, nil)
            return
        }
        let door = HTTPDoor(
            rpc: rpc,
            rest: RESTDoor(
                calls: EnvironmentCalls(directory: directory, info: "full"), metrics: services.metrics),
            interface: interface,
            openEnv: OpenEnvDoor(
                calls: EnvironmentCalls(directory: directory, info: "brief"), messageBytes: limits.messageBytes),
            crossOrigin: CrossOrigin(
                allowedOrigins: configuration.allowedOrigins,
                // Where keys are asked for, a page that gets here by a name of its own has none to show.
                allowedHosts: services.isKeyRequired ? nil : configuration.allowedHosts),
            limits: limits)
        var settings = HTTPServerConfiguration()
        // Each reader of a whole body has a limit of its own; only files are read piece by piece.
        settings.maximumBodyBytes = max(limits.messageBytes, limits.uploadBytes)
        settings.headTimeout = limits.headTimeout
        settings.bodyTimeout = limits.bodyTimeout
        settings.idleTimeout = limits.connectionIdleTimeout
        let server = HTTPServer(configuration: settings, group: group) { request in await door.answer(request) }
        do {
            guard let wanted = SocketAddress(host: configuration.host, port: UInt16(configuration.port)) else {
                throw Failure(
                    .invalidArgument,
                    "The host \(configuration.host) is no address. Use one such as 127.0.0.1, ::1 or 0.0.0.0.")
            }
            let address = try await server.start(on: wanted)
            url = "http://\(address)"
            http = server
        } catch {
            await lines?.shutDown(within: .zero)
            if let failure = error as? Failure { throw failure }
            throw Failure(.infraFailed, "Cannot listen on \(configuration.host) port \(configuration.port): \(error).")
        }
    }

    private static func openLines(
        _ configuration: ServerConfiguration, _ services: Services, rpc: RPCDoor, group: EventLoopGroup
    ) async throws(Failure) -> LineServer? {
        // Whoever may use the data directory always gets in, also where keys are asked for.
        let standard = configuration.dataDirectory + "/rpc.sock"
        let isWanted = configuration.rpcSocketPath != nil
        guard isWanted || configuration.listensOnTCP else { return nil }
        let path = configuration.rpcSocketPath ?? standard
        let messages = MessageDoor(rpc: rpc, caller: .local, inFlight: configuration.limits.inFlight)
        var settings = LineConfiguration()
        settings.maximumLineBytes = configuration.limits.messageBytes
        let server = LineServer(configuration: settings, group: group) { connection in
            try await messages.serve(connection)
        }
        do {
            try await server.start(on: .unix(path: path))
            return server
        } catch {
            let reason = "Cannot listen on the Unix socket \(path): \(error)."
            if isWanted { throw Failure(.infraFailed, reason) }
            Log(services.logs, "server")(.warning, reason)
            return nil
        }
    }
}
