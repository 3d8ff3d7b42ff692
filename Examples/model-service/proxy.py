"""A model server answers the model calls of an agent in a sandbox that has no network and no key."""

from rock import arguments, call, run_agent, start

parser = arguments()
parser.add_argument("url", help="where the model server's interface begins, such as http://127.0.0.1:9000/v1")
parser.add_argument("--key-file", help="a file with the key for it")
options = parser.parse_args()
key = {"api_key": open(options.key_file).read().strip()} if options.key_file else {}
sandbox = start(options.image)
try:
    call("sandbox.model_service.start", sandbox_id=sandbox, type="proxy", proxy_base_url=options.url, **key)
    print(run_agent(sandbox, "hello", "how are you?"), end="")
finally:
    call("sandbox.stop", sandbox_id=sandbox)
