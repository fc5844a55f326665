// One principal writes a line with KafkaJS and AWS's signer, and is refused when
// it reads: signer.js NODE_MODULES BOOTSTRAP TOPIC WHO
const fs = require('fs');
const path = require('path');

const [modules, bootstrap, topic, who] = process.argv.slice(2);
const { Kafka, logLevel } = require(path.join(modules, 'kafkajs'));
const { generateAuthToken, generateAuthTokenFromProfile } = require(path.join(modules, 'aws-msk-iam-sasl-signer-js'));

const region = process.env.AWS_REGION;
const profile = process.env.AWS_PROFILE;
const kafka = new Kafka({
  clientId: 'signer',
  logLevel: logLevel.NOTHING,
  brokers: bootstrap.split(','),
  ssl: { ca: [fs.readFileSync(process.env.MILLRACE_CA_PEM)] },
  sasl: {
    mechanism: 'oauthbearer',
    oauthBearerProvider: async () => {
      const made = profile ? generateAuthTokenFromProfile({ region, awsProfileName: profile }) : generateAuthToken({ region });
      return { value: (await made).token };
    },
  },
  retry: { retries: 2 },
});

async function main() {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: [{ value: `javascript ${who}` }] });
  await producer.disconnect();

  const admin = kafka.admin();
  await admin.connect();
  const refused = await admin.deleteTopics({ topics: [topic] }).then(() => null, (err) => err);
  await admin.disconnect();
  if (!refused || refused.type !== 'TOPIC_AUTHORIZATION_FAILED') throw new Error(`deleteTopics: ${refused}`);
}

main().catch((err) => { console.error(err); process.exit(1); });
