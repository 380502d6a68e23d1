{{/*
CEL lists of what a spec holds that guard rails forbid. They take the expression of the spec. Of credentials, pairs of a path and
the value, which no message shows.
*/}}
{{- define "kinesis-sink-operator.inlineCredentials" -}}
({{ . }}.config.?awsCredentialPluginParam.orValue('') == '' ? []
: [['spec.config.awsCredentialPluginParam', string({{ . }}.config.awsCredentialPluginParam)]])
+ {{ . }}.?pod.?env.orValue([]).filter(e, e.?value.orValue('') != ''
&& (e.name in ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']
|| e.value.matches('^[A-Za-z0-9+.-]+://[^/?#]*@'))).map(e, ['spec.pod.env ' + e.name, string(e.value)])
{{- end -}}

{{- define "kinesis-sink-operator.insecureFields" -}}
[{{ . }}.config.?skipCertificateValidation.orValue(false) ? 'spec.config.skipCertificateValidation: true' : '',
{{ . }}.config.?awsEndpoint.orValue('').startsWith('http:')
? 'spec.config.awsEndpoint: ' + {{ . }}.config.?awsEndpoint.orValue('') : '',
{{ . }}.config.?awsStsEndpoint.orValue('').startsWith('http:')
? 'spec.config.awsStsEndpoint: ' + {{ . }}.config.?awsStsEndpoint.orValue('') : '',
{{ . }}.pulsar.serviceUrl.startsWith('pulsar:') ? 'spec.pulsar.serviceUrl: ' + {{ . }}.pulsar.serviceUrl : '',
{{ . }}.pulsar.?adminUrl.orValue('').startsWith('http:')
? 'spec.pulsar.adminUrl: ' + {{ . }}.pulsar.?adminUrl.orValue('') : '',
{{ . }}.pulsar.?auth.?oauth2.?issuerUrl.orValue('').startsWith('http:')
? 'spec.pulsar.auth.oauth2.issuerUrl: ' + {{ . }}.pulsar.?auth.?oauth2.?issuerUrl.orValue('') : '',
{{ . }}.pulsar.?tls.?allowInsecureConnection.orValue(false) ? 'spec.pulsar.tls.allowInsecureConnection: true' : '',
{{ . }}.pulsar.?tls.?hostnameVerification.orValue(true) ? '' : 'spec.pulsar.tls.hostnameVerification: false',
{{ . }}.?pod.?env.orValue([]).exists(e, e.name == 'NODE_TLS_REJECT_UNAUTHORIZED')
? 'spec.pod.env NODE_TLS_REJECT_UNAUTHORIZED' : ''].filter(found, found != '')
{{- end -}}
