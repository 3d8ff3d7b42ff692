import GEM
import Registry
import Testing

@testable import Admin

@Suite struct RouterTests {
    private static func operation(_ name: String, _ verbs: [Operation.Verb], _ path: String) -> Operation {
        Operation(
            name: name, verbs: verbs, path: path, summary: "", scope: .read, form: .bare,
            action: .value { (_, _) async throws(Failure) -> [UInt8] in [] })
    }

    private static let names = ["list", "get", "put", "proxy", "root", "wait"]
    private static let router = Router([
        operation("list", [.get], "/a/things"), operation("get", [.get], "/a/things/{id}"),
        operation("put", [.put, .delete], "/a/things/{id}"),
        operation("proxy", [.get, .post], "/a/things/{id}/proxy/{path*}"),
        operation("root", [.post], "/a/things/{id}/proxy"), operation("wait", [.get], "/a/things/{id}/wait"),
    ])

    private static func find(_ line: String) -> String {
        let parts = line.split(separator: " ")
        switch router.find(Array(parts[1].utf8)[...], method: Array(parts[0].utf8)[...]) {
        case .unknown: return "unknown"
        case .wrongMethod(let allowed): return "allows " + allowed.joined(separator: ",")
        case .found(let found):
            let tail = found.tail.isEmpty ? "" : " ~ " + String(decoding: found.tail, as: UTF8.self)
            return names[found.operation] + found.arguments.map { " " + $0 }.joined() + tail
        }
    }

    @Test(
        arguments: [
            ("GET /a/things", "list"), ("HEAD /a/things", "list"), ("GET /a/things/", "list"),
            ("GET /a/things/x", "get x"), ("DELETE /a/things/x%20y", "put x y"),
            ("PATCH /a/things/x", "allows DELETE,GET,HEAD,PUT"),
            ("GET /a/things/x/proxy/b/c%2Fd/", "proxy x ~ b/c%2Fd/"), ("GET /a/things/x/proxy/", "allows POST"),
            ("POST /a/things/x/proxy", "root x"), ("GET /a/things/x/wait", "wait x"), ("GET /a", "unknown"),
            ("GET /a//x", "unknown"), ("GET /a/things/%", "unknown"), ("GET /a/things/%00", "unknown"),
            ("GET /a/things/%ff", "unknown"), ("GET /a/things/%+1", "unknown"), ("GET /a/things/x/y", "unknown"),
            ("get /a/things", "allows GET,HEAD"), ("GET x", "unknown"), ("GET /", "unknown"), ("GET *", "unknown"),
        ])
    func findsOneOperationOrSaysWhatThePathTakes(line: String, found: String) {
        #expect(Self.find(line) == found)
    }

    @Test func everyOperationOfTheTableIsFoundAtItsPathAndCalledByItsName() {
        let interface = Interface()
        for (place, operation) in interface.operations.enumerated() {
            let path = operation.path.split(separator: "/").map { $0.hasPrefix("{") ? "x" : String($0) }
            for verb in operation.verbs {
                let finding = interface.router.find(
                    Array(("/" + path.joined(separator: "/")).utf8)[...], method: Array(verb.rawValue.utf8)[...])
                guard case .found(let found) = finding, found.operation == place else {
                    Issue.record("\(verb.rawValue) \(operation.path) finds \(finding)")
                    continue
                }
            }
        }
        let procedures = interface.operations.filter(\.isRemoteProcedure)
        #expect(Set(procedures.map(\.name)).count == procedures.count)
        #expect(procedures.allSatisfy { Method(rawValue: $0.name) == nil && interface.procedure($0.name) != nil })
        // A parameter is called the same wherever it stands, and only one thing is called so.
        for operation in interface.operations {
            let names = operation.parameters.map(\.name)
            #expect(Set(names).count == names.count, "\(operation.name): \(names)")
        }
    }
}
