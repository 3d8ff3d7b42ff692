import GEM
import Registry
import SandboxHost
import Transport

extension Interface {
    /// Images on their way to this machine.
    static let imageTransferOperations: [Operation] = [
        Operation(
            name: "image.pull", verbs: [.post], path: images + "/pull",
            summary: "Fetches an image from its registry and answers when it is here", scope: .user,
            body: .json(order), form: .envelope(failure: "pull failed"), result: image, isAudited: true,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                try await ImagePull(call.members, services).run { _ in }
            }),
        Operation(
            name: "image.follow_pull", verbs: [.get], path: images + "/pull/follow",
            summary:
                "Fetches what the client's first message says, in the form of image.pull's body; then come messages with progress, "
                + "at last one with image or error", scope: .user, form: .webSocket, isAudited: true,
            action: .exchange { (_, _, services) async throws(Failure) -> HTTPResponse in
                .webSocket { socket in await ImagePull.serve(socket, services) }
            }),
        Operation(
            name: "image.import", verbs: [.post], path: images + "/import",
            summary: "Makes images of the request's body: the tar of a root filesystem, an OCI layout or docker save's",
            scope: .admin,
            query: [.optional("name", .text(least: 1, most: 1024), "Needed for a root filesystem"), driver],
            body: .bytes, form: .bare, result: .object(.required("images", .list(of: image))), isAudited: true,
            action: .exchange { (call, request, services) async throws(Failure) -> HTTPResponse in
                let (driver, catalog) = try services.catalog(call)
                // Read twice, so it has to be a file; one without a name goes with this request, whatever becomes of it.
                let file: OpenFile
                do { file = try UnnamedFile.make() } catch {
                    throw Failure(.infraFailed, "There is no room for the image: \(error).")
                }
                do { _ = try await request.body.write(to: file) } catch { throw Failure(ofBody: error, "The image") }
                let path = "/proc/self/fd/\(file.rawValue)"
                let images: [DriverImage]
                do throws(Failure) {
                    images = try await catalog.importTar(path, name: call.text("name"))
                } catch {
                    throw Failure(error.kind, error.message.replacing(path, with: "What was sent"))
                }
                withExtendedLifetime(file) {}
                return .json(
                    .ok,
                    json { writer in
                        writer.beginObject()
                        writer.name("images")
                        writer.beginArray()
                        for image in images { writer.image(image, of: driver) }
                        writer.endArray()
                        writer.endObject()
                    })
            }),
    ]

    /// What a pull is told.
    fileprivate static let order: [Field] = [
        named, driver,
        .optional("policy", .word("missing", "always"), default: "always", "When its registry is asked"),
        .optional("username", .text(most: 1024).orNull), .optional("password", Schema.secret.orNull),
    ]
}

/// One fetch of an image, asked for over the interface.
private struct ImagePull {
    private let image: String
    private let policy: PullPolicy
    private let credentials: RegistryCredentials?
    private let driver: String
    private let machine: Machine

    /// - Throws: ``Failure`` where there is no such driver.
    init(_ order: JSON.Object, _ services: Services) throws(Failure) {
        machine = try services.needSandboxes().machine
        driver = order["driver"]?.string ?? machine.defaultDriver
        image = order["image"]?.string ?? ""
        policy = order["policy"]?.string == "missing" ? .missing : .always
        if let name = order["username"]?.string, let password = order["password"]?.string, !name.isEmpty {
            credentials = RegistryCredentials(username: name, password: password)
        } else {
            credentials = nil
        }
    }

    /// Fetches it.
    ///
    /// - Returns: The image as JSON.
    /// - Throws: ``Failure`` that names the image.
    func run(_ report: @escaping @Sendable (String) -> Void) async throws(Failure) -> [UInt8] {
        try await machine.prepare(
            image: image, pull: policy, credentials: credentials, driver: driver, report: report)
        let found = try await machine.imageCatalog(driver).image(image)
        return json { $0.image(found, of: driver) }
    }

    /// Takes an order from a client, says how far it is, and gives it up when the client leaves.
    static func serve(_ socket: WebSocket, _ services: Services) async {
        var messages = socket.makeAsyncIterator()
        guard case .text(let text)? = try? await messages.next() else { return socket.close(.policyViolation) }
        let pull: ImagePull
        do throws(Failure) { pull = try ImagePull(try order(text), services) } catch {
            return await end(socket, member("error", failure(error)))
        }
        let (progress, teller) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(1))
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await text in progress { try? await socket.send(text: member("progress", jsonText(text))) }
            }
            group.addTask {
                let last: [UInt8]
                do throws(Failure) {
                    last = member("image", try await pull.run { teller.yield($0) })
                } catch {
                    last = member("error", failure(error))
                }
                teller.finish()
                await end(socket, last)
            }
            // Nothing more is expected; but only who reads sees the client go.
            while (try? await messages.next()) != nil {}
            group.cancelAll()
        }
    }

    /// Says the last thing and closes. A client that has gone hears nothing of it.
    private static func end(_ socket: WebSocket, _ message: [UInt8]) async {
        try? await socket.send(text: message)
        socket.close(.normal)
    }

    private static func order(_ text: [UInt8]) throws(Failure) -> JSON.Object {
        guard let json = try? JSON(parsing: text.span, byteLimit: 64 << 10), case .object(let object) = json else {
            throw Failure(.invalidArgument, "The first message must be a JSON object with the member image.")
        }
        var complaints: [Complaint] = []
        Schema.object(Interface.order).check(json, at: ["message"], &complaints)
        if let complaint = complaints.first {
            throw Failure(
                .invalidArgument, "\(complaint.place.dropFirst().joined(separator: ".")): \(complaint.message)")
        }
        return object
    }

    private static func failure(_ failure: Failure) -> [UInt8] {
        JSON.object(["kind": .string(failure.kind.rawValue), "message": .string(failure.message)]).serialized
    }

    private static func member(_ name: StaticString, _ value: [UInt8]) -> [UInt8] {
        json { writer in
            writer.beginObject()
            writer.name(name)
            writer.raw(value.span)
            writer.endObject()
        }
    }
}
