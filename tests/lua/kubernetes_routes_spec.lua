-- What publishes predictions in Kubernetes: ingresses for each controller, or a Gateway's route.
package.path = "./tests/support/?.lua;" .. package.path
local Parts = require "kubernetes_parts"

describe("routes in Kubernetes", function()
  local parts

  setup(function() parts = Parts.new() end)
  teardown(function() parts:remove() end)

  --- What the code says of the objects of deployment d1 with model m1 (see Parts.of_objects).
  local function of_objects(...) return parts:of_objects(...) end

  local NGINX = "nginx.ingress.kubernetes.io/"

  it("of ingress-nginx rewrite the path, and take large and long requests", function()
    local seen = of_objects [[
      local ingress = find(list, "Ingress")
      return { ingress.spec, ingress.metadata.annotations }]]
    assert.same({ ingressClassName = "nginx", rules = { { host = "example.com", http = { paths = { {
      path = "/deployments/d1/predict", pathType = "Exact",
      backend = { service = { name = "dr-d1", port = { number = 8080 } } },
    } } } } } }, seen[1])
    local notes = seen[2]
    assert.same({ "/predictions", "51m", "605", "605" }, { notes[NGINX .. "rewrite-target"],
      notes[NGINX .. "proxy-body-size"], notes[NGINX .. "proxy-read-timeout"], notes[NGINX .. "proxy-send-timeout"] })
  end)

  it("of ingress-nginx have another type where it would refuse the path", function()
    assert.same({ "Exact", "ImplementationSpecific", "/deployments/m.1/predict" }, parts:eval [[
      local list = assert(objects.desired(context_of(self), deployment("d1", "m.1"), IMAGE))
      local path = find(list, "Ingress", "model").spec.rules[1].http.paths[1]
      return { find(list, "Ingress").spec.rules[1].http.paths[1].pathType, path.pathType, path.path }]])
  end)

  it("of traefik have Middlewares before them, one that rewrites and one that sends again", function()
    local seen = of_objects([[
      local kinds = {}
      for i, object in ipairs(list) do kinds[i] = object.kind end
      return { kinds, list[4], find(list, "Ingress").metadata.annotations, list[3] }]], nil,
      "{ routing = { class = 't', controller = 'traefik', middleware = 'traefik.io/v1alpha1' } }")
    assert.equal("Deployment Service Middleware Middleware Ingress Service Middleware Middleware Ingress",
      table.concat(seen[1], " "))
    assert.same({ replacePath = { path = "/predictions" } }, seen[2].spec)
    assert.is_true(seen[4].spec.retry.attempts > 1)
    assert.matches("^dr%-d1%-again%-%x+$", seen[4].metadata.name)
    assert.equal(("ns-%s@kubernetescrd,ns-dr-d1@kubernetescrd"):format(seen[4].metadata.name),
      seen[3]["traefik.ingress.kubernetes.io/router.middlewares"])
    assert.is_nil(seen[3][NGINX .. "rewrite-target"])
  end)

  it("of a Gateway are in one HTTPRoute", function()
    local spec = of_objects("return find(list, 'HTTPRoute').spec",
      "proof: url\ngateway: {name: web, namespace: infra}\n",
      "{ routing = { gateway = self.config.gateway, version = 'gateway.networking.k8s.io/v1' } }")
    assert.same({ { { name = "web", namespace = "infra" } }, { "example.com" }, 2 },
      { spec.parentRefs, spec.hostnames, #spec.rules })
    assert.same({ "/deployments/d1/predict", "/predictions", "605s" }, { spec.rules[1].matches[1].path.value,
      spec.rules[1].filters[1].urlRewrite.path.replaceFullPath, spec.rules[1].timeouts.request })
    assert.same({ "/deployments/d1/info", "/info" }, { spec.rules[2].matches[1].path.value,
      spec.rules[2].filters[1].urlRewrite.path.replaceFullPath })
  end)

  it("have the host and the path of the prefix, unless something in front changes them", function()
    local code = [[
      local rule = find(list, "Ingress").spec.rules[1]
      return { rule.host or "any", rule.http.paths[1].path }]]
    local function with_prefix(url, more)
      local private = ("outfacingPredictionURLPrefix: %q\nppsBaseImage: x\ngeneratedImageRepo: x\n"):format(url)
      local required = Parts.REQUIRED
      Parts.REQUIRED = private
      local seen = of_objects(code, more)
      Parts.REQUIRED = required
      return seen
    end
    assert.same({ "example.com", "/d1/predict" }, with_prefix "https://EXAMPLE.com:8443")
    assert.same({ "any", "/x/d1/predict" }, with_prefix "http://10.1.2.3:81/x/")
    assert.same({ "any", "/d1/predict" }, with_prefix "http://[::1]:81")
    assert.same({ "any", "/d1/predict" }, with_prefix("https://h/a/b", 'ingressHost: "*"\ningressPath: "/"\n'))
    assert.same({ "inner", "/c/d1/predict" }, with_prefix("https://h/a/b", 'ingressHost: inner\ningressPath: "/c/"\n'))
    assert.equal("https://h/a/b/d1/predict", parts:eval([[
      return routes.prediction_url({ config = { outfacingPredictionURLPrefix = "https://h/a/b/" } }, "d1")]]))
  end)

  it("have the annotations and TLS of the config", function()
    local seen = of_objects([[
      local ingress = find(list, "Ingress")
      return { ingress.spec.tls, ingress.metadata.annotations["example.com/x"],
        ingress.metadata.annotations["nginx.ingress.kubernetes.io/proxy-body-size"] }]], ([[
ingressTLS: {secretName: cert}
ingressAnnotations: {"example.com/x": "y", "%sproxy-body-size": "1m"}
]]):format(NGINX))
    assert.same({ { { hosts = { "example.com" }, secretName = "cert" } }, "y", "1m" }, seen)
  end)

  it("lead by the model's id to all its pods, whichever deployment they are of", function()
    local seen = parts:eval [[
      local context = context_of(self)
      local one = assert(objects.desired(context, deployment("d1", "m1"), IMAGE))
      local two = assert(objects.desired(context, deployment("d2", "m1"), IMAGE))
      local service, ingress = find(one, "Service", "model"), find(one, "Ingress", "model")
      local pod = find(two, "Deployment").spec.template.metadata.labels
      for key, value in pairs(service.spec.selector) do assert(pod[key] == value, key) end
      return { ingress.spec.rules[1].http.paths[1].path, ingress.spec.rules[1].http.paths[1].backend.service.name,
        service.metadata.name, find(two, "Service", "model").metadata.name }]]
    assert.equal("/deployments/m1/predict", seen[1])
    assert.same({ seen[3], seen[3] }, { seen[2], seen[4] })
  end)

  it("leave a model's path to a deployment of that id", function()
    assert.same({ true, true, false }, parts:eval [[
      local function is_missing(id, model, ids)
        local list = assert(objects.desired(context_of(self), deployment(id, model), IMAGE, { ids = ids }))
        return find(list, "Service", "model") == nil
      end
      return { is_missing("d1", "d1"), is_missing("d1", "d2", { d2 = "x" }), is_missing("d1", "m1", { d2 = "x" }) }]])
  end)

  describe("are for the controller", function()
    --- Who routes in a cluster with these classes, in Lua: { name, controller, default?, created? }. `knows`: of kinds.
    local function resolve(classes, private, knows)
      return parts:eval(([[
        local classes = {}
        for i, class in ipairs %s do
          classes[i] = { spec = { controller = class[2] }, metadata = {
            name = class[1], creationTimestamp = class[4] or "1",
            annotations = class[3] and { ["ingressclass.kubernetes.io/is-default-class"] = "true" } or nil } }
        end
        local context = context_of(self, { cluster = {
          list = function() return classes end, knows = function(_, kind) return kind == %q end } })
        context.routing = nil
        local routing, err = routes.resolve(context)
        return routing or tostring(err):gsub("^.-%%d: ", "")]]):format(classes, knows or ""), private)
    end

    it("of the default class, of several the newest", function()
      assert.same({ class = "b", controller = "ingress-nginx" }, resolve [[{ { "a", "k8s.io/ingress-nginx", true, "1" },
        { "b", "example.com/internal-ingress-nginx", true, "2" }, { "c", "k8s.io/ingress-nginx" } }]])
    end)

    it("of traefik 2, whose kinds have another group", function()
      assert.same({ class = "t", controller = "traefik", middleware = "traefik.containo.us/v1alpha1" },
        resolve('{ { "t", "traefik.io/ingress-controller", true } }', nil, "traefik.containo.us/v1alpha1/Middleware"))
    end)

    it("that is known, or the message says what to do", function()
      for classes, text in pairs {
        ["{}"] = "the cluster has no default ingress class; the cluster has none",
        ['{ { "b", "x" }, { "a", "y" } }'] = "the cluster has no default ingress class; there are: a, b",
        ['{ { "h", "haproxy.org/x", true } }'] = 'the class "h" belongs to the controller "haproxy.org/x"',
        ['{ { "t", "traefik.io/ingress-controller", true } }'] = "the cluster does not have traefik's kind Middleware",
      } do
        local seen = resolve(classes)
        assert.is_truthy(type(seen) == "string" and seen:find(text, 1, true), tostring(seen))
      end
      assert.same({ class = "h", controller = "other" },
        resolve('{ { "h", "haproxy.org/controller", true } }', "ingressController: other\n"))
    end)

    it("of a Gateway, where the cluster has that API", function()
      local seen = resolve("{}", "gateway: {name: web}\n")
      assert.equal("gateway: cannot route predictions: the cluster does not have the Gateway API (kind HTTPRoute)",
        seen)
    end)
  end)
end)
