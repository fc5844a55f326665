// KafkaJS with AWS's IAM signer writes and reads 200 records: kafkajs.js NODE_MODULES BOOTSTRAP TOPIC
const fs = require('fs');
const path = require('path');

const [modules, bootstrap, topic] = process.argv.slice(2);
const { Kafka, logLevel } = require(path.join(modules, 'kafkajs'));
const { generateAuthToken } = require(path.join(modules, 'aws-msk-iam-sasl-signer-js'));

const kafka = new Kafka({
  clientId: 'e2e',
  logLevel: logLevel.ERROR,
  brokers: bootstrap.split(','),
  ssl: { ca: [fs.readFileSync(process.env.MILLRACE_CA_PEM)] },
  sasl: {
    mechanism: 'oauthbearer',
    oauthBearerProvider: async () => {
      const { token } = await generateAuthToken({ region: process.env.AWS_REGION });
      return { value: token };
    },
  },
});

async function main() {
  const want = Array.from({ length: 200 }, (_, i) => `js-${String(i).padStart(3, '0')}`);
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: want.map((value) => ({ key: value, value })) });
  await producer.disconnect();

  const consumer = kafka.consumer({ groupId: 'g-js' });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const got = [];
  await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${got.length} of ${want.length} records after 30 s`)), 30000);
    consumer.run({
      eachMessage: async ({ message }) => {
        got.push(message.value.toString());
        if (got.length === want.length) { clearTimeout(late); resolve(); }
      },
    });
  });
  await consumer.disconnect();
  if (JSON.stringify(got.sort()) !== JSON.stringify(want)) throw new Error(`other records: ${got.slice(0, 5)}`);

  const admin = kafka.admin();
  await admin.connect();
  const { brokers } = await admin.describeCluster();
  if (brokers.length !== 3) throw new Error(`${brokers.length} brokers`);
  await admin.disconnect();
  console.log('kafkajs ok');
}

main().catch((err) => { console.error(err); process.exit(1); });
