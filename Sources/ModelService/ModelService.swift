import GEM
package import Transport

// The service that stands between an agent and a language model: it speaks like a model server, and asks somebody else.
//
//   ModelService.swift              a service: what it answers to, and how it begins and ends
//   ModelServiceConfiguration.swift what it can be told
//   Door.swift                      requests and answers that both modes share
//   Local/                          asks a training loop, through a file that both append to
//   Proxy/                          asks model servers over HTTP, again where that helps
//   Trajectory/                     what was asked and answered, written down and played back
//   Text/                           JSON as Python writes it, times, secrets taken out

/// One model service, listening in one or several places.
package final class ModelService: Sendable {
    package let configuration: ModelServiceConfiguration
    /// The conversation with a training loop; `nil` in proxy mode.
    package let conversation: Conversation?
    private let server: HTTPServer

    /// Makes a service that listens nowhere yet. Starts the conversation's log anew, or reads it where it is to go on.
    ///
    /// - Parameters:
    ///   - configuration: What it is to be.
    ///   - group: Its loops, which must outlive it.
    ///   - log: Told what happens, a sentence each, without secrets.
    /// - Throws: ``Failure``: `infraFailed` where a file cannot be used; `invalidArgument` where one cannot be understood.
    package init(
        _ configuration: ModelServiceConfiguration, group: EventLoopGroup, log: @escaping ServiceLog.Sink
    ) async throws {
        self.configuration = configuration
        let log = ServiceLog(log, secret: configuration.apiKey)
        let mode: any Mode
        switch configuration.type {
        case .local:
            let conversation = try await Conversation(
                folder: configuration.dataFolder, resumes: configuration.resumes,
                limit: configuration.conversationBytes, on: group.next(), log: log)
            self.conversation = conversation
            let trajectory = TrajectoryFile(configuration.trajectory)
            mode = LocalMode(conversation, trajectory, configuration, on: group.next(), log: log)
        case .proxy:
            conversation = nil
            mode = try await ProxyMode(configuration, log: log)
        }
        var limits = HTTPServerConfiguration()
        // Agents read an answer while they work with it.
        limits.writeTimeout = .seconds(300)
        limits.maximumConnectionsPerLoop = configuration.maximumConnections
        limits.maximumBodyBytes = configuration.requestBytes
        server = HTTPServer(configuration: limits, group: group) { request in await Door.answer(request, by: mode, log)
        }
    }

    /// Listens at an address.
    ///
    /// - Parameter address: Port 0 stands for any free port.
    /// - Returns: The address with the port that was chosen.
    /// - Throws: ``SystemCallError`` where it cannot.
    @discardableResult
    package func start(on address: SocketAddress) async throws -> SocketAddress {
        try await server.start(on: address)
    }

    /// Serves on a socket that listens already, such as one inside a sandbox.
    ///
    /// - Parameter descriptor: The socket; closed at the end.
    /// - Throws: ``SystemCallError`` where it cannot be watched.
    package func start(listening descriptor: consuming OwnedDescriptor) async throws {
        try await server.start(listening: descriptor)
    }

    /// Takes no more requests, gives those in flight a moment, and ends.
    ///
    /// - Parameter limit: How long requests in flight may take.
    package func shutDown(within limit: Duration) async {
        conversation?.close()
        await server.shutDown(within: limit)
    }
}
