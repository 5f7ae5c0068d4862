# A Rack application with omniauth-openid-connect, which shows who signs in.
#   app.rb PORT ISSUER CLIENT_ID CLIENT_SECRET

require 'json'
require 'omniauth_openid_connect'
require 'rack'
require 'rack/handler/webrick'

port, issuer, client_id, client_secret = ARGV

# The server of the tests has no TLS, and a test sends no form.
SWD.url_builder = URI::HTTP
OmniAuth.config.allowed_request_methods = [:get]
OmniAuth.config.silence_get_warning = true

app = Rack::Builder.new do
  use Rack::Session::Cookie, secret: 'of this test, and long enough'
  use OmniAuth::Builder do
    provider :openid_connect,
             name: 'countersign',
             issuer: issuer,
             discovery: true,
             scope: %i[openid email],
             client_options: {
               identifier: client_id,
               secret: client_secret,
               redirect_uri: "http://localhost:#{port}/auth/countersign/callback"
             }
  end
  run lambda { |env|
    auth = env['omniauth.auth']
    shown = auth ? { uid: auth.uid, email: auth.info.email } : { error: Rack::Request.new(env).params['message'] }
    [200, { 'Content-Type' => 'application/json' }, [shown.to_json]]
  }
end

Rack::Handler::WEBrick.run(app, BindAddress: '127.0.0.1', Host: '127.0.0.1', Port: Integer(port), AccessLog: [])
