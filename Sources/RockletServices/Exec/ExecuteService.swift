import GEM
import Transport

/// `POST /execute`: programs without a terminal, run to their end.
struct ExecuteService: Service {
    private let context: ServerContext

    init(_ context: ServerContext) {
        self.context = context
    }

    var routes: [Route] {
        [Route("POST", "/execute") { [self] in try await execute($0) }]
    }

    private func execute(_ call: Call) async throws -> HTTPResponse {
        let request = try ExecuteRequest(try await call.fields())
        let order = Execution.Order(
            program: try request.program(context.environment), input: request.input, timeout: request.timeout,
            outputLimit: request.outputLimit)
        let result = try await Execution.run(order, context)
        try request.check(result)
        return request.answer(result)
    }
}
