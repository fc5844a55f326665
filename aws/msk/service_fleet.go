package msk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/store"
)

// Wanted is a cluster as fleet is to make it.
type Wanted struct {
	ARN, Name       string
	Account, Region string
	State           State
	KafkaVersion    string
	Serverless      bool
	Brokers         []WantedBroker // by id
	Listeners       []Listener     // the same on every broker
	SecurityGroups  []string
	InstanceType    string   // of provisioned clusters; of Standard brokers while there are Express brokers too
	VolumeGiB       int32    // of each broker; 0: without a limit
	VolumeMiB       int32    // a second, of each broker's volume, where it was provisioned; 0: no limit
	Rebalances      bool     // new brokers are to be given replicas of those that have more
	Authorities     []string // ARNs of who signs clients' certificates; none: they show none
	CertificateOnly bool     // clients of TLS must show one
	Key             string   // ARN of the customer's KMS key; "" is the service's own
	Names           Names
	Monitoring      Monitoring
	Generation      int64 // reports say which one they are of
}

// Monitoring is what is told of a cluster.
type Monitoring struct {
	Level     string // enhancedMonitoring; "" of a serverless cluster
	JMX, Node bool   // exporters of open monitoring on every broker
}

// WantedBroker is one broker and where it stands.
type WantedBroker struct {
	ID                   int32
	Zone, ZoneID, Subnet string
	InstanceType         string            // of provisioned clusters
	Replaces             []int32           // brokers that are gone, at whose addresses this one is to be reached too
	Boot                 int64             // one that runs since before this changed is to start again
	KafkaVersion         string            // the cluster's, or the one that an operation brings it to
	Static               map[string]string // its server.properties
}

// Wanted answers every cluster of every account that is not gone, by account,
// region and name. The answer is not one snapshot: a cluster that changes
// meanwhile is told by Watch.
func (s *Service) Wanted(ctx context.Context) ([]Wanted, error) {
	var all []Wanted
	for after := ""; ; {
		n := 0
		err := s.cfg.Store.View(ctx, func(tx *store.Tx) error {
			found, err := tx.List(listPrefix, after, wantedPage)
			n = len(found)
			for _, kv := range found {
				after = kv.Key
				c, ok, err := readListed(tx, kv.Key)
				if err != nil {
					return err
				}
				if !ok {
					continue
				}
				w, err := wantedOf(tx, c)
				if err != nil {
					return err
				}
				all = append(all, w)
			}
			return err
		})
		if err != nil || n < wantedPage {
			return all, err
		}
	}
}

const wantedPage = 100 // clusters read in one transaction

// readListed reads the document that an entry of fleet's list stands for.
func readListed(tx *store.Tx, key string) (cluster, bool, error) {
	at := strings.SplitN(strings.TrimPrefix(key, listPrefix), "/", 3)
	return store.GetJSON[cluster](tx, documentKey(at[0], at[1], at[2]))
}

func wantedOf(tx *store.Tx, c cluster) (Wanted, error) {
	sets := map[configurationRef]map[string]string{}
	caller := model.Caller{Account: c.Account, Region: c.Region}
	for _, ref := range c.configurations() {
		_, properties, err := findRef(tx, caller, ref)
		if err != nil {
			return Wanted{}, fmt.Errorf("read the configuration of %s: %w", c.ARN, err)
		}
		sets[ref] = properties
	}
	return c.wanted(func(r *configurationRef) map[string]string {
		if r == nil {
			return nil
		}
		return sets[*r]
	}), nil
}

func (c *cluster) wanted(properties func(*configurationRef) map[string]string) Wanted {
	w := Wanted{
		ARN: c.ARN, Name: c.Name, Account: c.Account, Region: c.Region,
		State: c.State, KafkaVersion: c.KafkaVersion, Serverless: c.Serverless != nil,
		Listeners: c.listeners(), Names: c.Names, Generation: c.Generation,
	}
	var now map[string]string
	if c.Serverless != nil {
		for _, v := range c.Serverless.VPCs {
			w.SecurityGroups = append(w.SecurityGroups, v.SecurityGroups...)
		}
	} else {
		w.SecurityGroups, w.InstanceType = slices.Clone(c.Provisioned.SecurityGroups), c.Provisioned.InstanceType
		w.Monitoring = Monitoring{c.Provisioned.EnhancedMonitoring, c.Provisioned.Open.JMX, c.Provisioned.Open.Node}
		w.Key = c.Provisioned.Key
		w.VolumeGiB, w.Rebalances = c.Provisioned.VolumeGiB, c.Provisioned.Rebalancing == rebalancingActive
		if t := c.Provisioned.Throughput; t != nil && t.Enabled {
			w.VolumeMiB = t.MiB
		}
		now = properties(c.Provisioned.Configuration)
		if c.Provisioned.TLSAuth {
			w.Authorities, w.CertificateOnly = slices.Clone(c.Provisioned.Authorities), !c.Provisioned.Unauthenticated
		}
	}
	zones := map[string]bool{}
	for _, b := range c.Brokers {
		zones[b.Zone] = true
	}
	for _, b := range c.Brokers {
		v := cmp.Or(b.KafkaVersion, c.KafkaVersion)
		w.Brokers = append(w.Brokers, WantedBroker{
			ID: b.ID, Zone: b.Zone, ZoneID: b.ZoneID, Subnet: b.Subnet, InstanceType: c.typeOf(b), Replaces: slices.Clone(b.Replaces), Boot: b.Boot,
			KafkaVersion: v, Static: static(defaultsOf(c.Provisioned, c.typeOf(b), len(zones), v), properties(b.Configuration), now),
		})
	}
	return w
}

// Watch answers a channel that receives after Wanted may have changed;
// notifications coalesce. cancel ends it.
func (s *Service) Watch() (changed <-chan struct{}, cancel func()) {
	return s.cfg.Store.Watch(listPrefix)
}

// ReportActive says that every broker of a cluster serves at these addresses, as
// the generation asks for. A report that is overtaken (the cluster is being
// deleted, or gone, or of another generation) or that says nothing new changes
// nothing. An incomplete report is an error.
func (s *Service) ReportActive(ctx context.Context, arn string, generation int64, e Endpoints) error {
	return s.report(ctx, arn, func(c cluster) (event, error) { return decideActive(c, generation, e, s.cfg.Now()) })
}

// ReportFailed says that a cluster cannot be made, or removed, by trying again.
// code and message are shown as the cluster's stateInfo, or as the error of the
// operation that the generation belongs to.
func (s *Service) ReportFailed(ctx context.Context, arn string, generation int64, code, message string) error {
	return s.report(ctx, arn, func(c cluster) (event, error) {
		return decideFailed(c, generation, code, message, s.cfg.Now()), nil
	})
}

// ReportHealing says that a cluster that was ACTIVE does not run as it should.
func (s *Service) ReportHealing(ctx context.Context, arn string) error {
	return s.report(ctx, arn, func(c cluster) (event, error) { return decideHealing(c), nil })
}

// ReportGone says that nothing is left of a cluster that was to be deleted; its
// name becomes free. For a cluster that is not DELETING it changes nothing.
func (s *Service) ReportGone(ctx context.Context, arn string) error {
	return s.report(ctx, arn, func(c cluster) (event, error) {
		if c.State != Deleting {
			return nil, nil
		}
		return gone{}, nil
	})
}

// report runs one decision about a cluster; that it is gone is no error.
func (s *Service) report(ctx context.Context, arn string, decide func(cluster) (event, error)) error {
	at, ok := parseARN(arn)
	if !ok {
		return badRequest("clusterArn", "Invalid cluster ARN.")
	}
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, ok, err := store.GetJSON[cluster](tx, documentKey(at.account, at.region, at.name))
		if err != nil || !ok || c.ARN != arn {
			return err
		}
		e, err := decide(c)
		if err != nil || e == nil {
			return err
		}
		return commit(tx, c, e)
	})
}

// commit applies an event and writes what it left. fleet's list is written only
// when what fleet acts on changed, so that fleet's own reports, and tags, do not
// wake it for nothing.
func commit(tx *store.Tx, c cluster, e event) error {
	before := c
	e.apply(&c)
	document, list := documentKey(c.Account, c.Region, c.Name), listKey(c.Account, c.Region, c.Name)
	if c.State == Deleting && before.State != Deleting {
		if err := forgetUpgrades(tx, c); err != nil {
			return err
		}
	}
	if c.State == removed {
		if err := forgetOperations(tx, c, 0); err != nil {
			return err
		}
		if err := tx.Delete(document); err != nil {
			return err
		}
		for _, key := range []string{list, scramKey(c.Account, c.Region, c.Name), policyKey(c.Account, c.Region, c.Name)} {
			if err := tx.Delete(key); err != nil {
				return err
			}
		}
		return nil
	}
	if c.State != before.State || c.Generation != before.Generation {
		if err := tx.Put(list, []byte(c.State)); err != nil {
			return err
		}
	}
	if c.Operation != before.Operation {
		if err := writeOperation(tx, c, before); err != nil {
			return err
		}
	}
	return store.PutJSON(tx, document, c)
}

// maxOperations is how many operations of a cluster are kept; the oldest go. One
// transaction must be able to forget them all.
const maxOperations = 90

func writeOperation(tx *store.Tx, c, before cluster) error {
	if o := c.Operation; o.State == updateComplete && o.Upgrade != nil && o.Upgrade.Reassignment != "" && before.busy() {
		if err := beginMoves(tx, c, o.Upgrade.Each); err != nil {
			return err
		}
	}
	if before.Operation == nil || before.Operation.ID != c.Operation.ID {
		if err := forgetOperations(tx, c, maxOperations-1); err != nil {
			return err
		}
	}
	return store.PutJSON(tx, c.operationPrefix()+c.Operation.ID, c.Operation)
}

// forgetOperations leaves the latest operations of a cluster.
func forgetOperations(tx *store.Tx, c cluster, keep int) error {
	all, err := operationsOf(tx, c)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b operation) int { return b.Created.Compare(a.Created) })
	for _, o := range all[min(keep, len(all)):] {
		if err := tx.Delete(c.operationPrefix() + o.ID); err != nil {
			return err
		}
	}
	return nil
}

// operationsOf reads a cluster's operations by id; maxOperations keeps them
// below one page.
func operationsOf(tx *store.Tx, c cluster) ([]operation, error) {
	found, err := tx.List(c.operationPrefix(), "", store.MaxList)
	if err != nil {
		return nil, err
	}
	all := make([]operation, 0, len(found))
	for _, kv := range found {
		o, _, err := store.GetJSON[operation](tx, kv.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}
