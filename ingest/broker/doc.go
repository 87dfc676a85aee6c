// Package broker is the embedded MQTT broker (3.1.1 and 5.0), mochi-mqtt within
// the process, with one promise of its own: the acknowledgement of a reading means
// that the reading survives a power cut.
//
// A publish on a topic that the decoder takes is handed to the intake; the
// broker neither acknowledges nor routes it then. When the intake calls back, the
// acknowledgement is written, many in one write, and the message is retained and routed
// to other subscribers. Every other topic is plain MQTT traffic, which is routed at once.
//
//	QoS 0   no acknowledgement; routed when durable
//	QoS 1   PUBACK when durable
//	QoS 2   PUBREC when durable; the connection reads on after that
//
// A message that is refused is acknowledged, too, so that it does not come back: it
// lies in the quarantine. A client of MQTT 5 is told why by a reason code. A message that
// could not be made durable is not acknowledged: the connection is closed, and
// the client sends it again when it has come back.
//
// # Back-pressure
//
// At most [Config].InFlight messages of one connection wait for the journal; the
// broker does not read from its socket meanwhile, and neither while the intake waits.
//
// # Whose topics
//
// A connection that speaks for one device, or for the devices of a gateway, publishes and reads the topics
// of those only: [Broker.may] and [Broker.mayRead] judge every publish, last will, subscription and delivery, and the
// intake is given the rule for the devices that only a payload names. A credential that is withdrawn takes its connections
// with it, see [Broker.Withdraw].
//
// # Tenants
//
// Topics and sessions of different tenants are kept apart, whatever their names.
package broker
