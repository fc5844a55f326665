package msk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/store"
)

// Interface is a network interface that a cluster has in a subnet.
type Interface struct {
	ID          string // eni-...
	Subnet      string
	Groups      []string // security groups
	Address     string   // "": none that is known
	Description string
	Requester   string
}

// interfaceID is the id of a broker's network interface, which follows from its
// ARN.
func interfaceID(of string) string {
	sum := sha256.Sum256([]byte("interface of " + of))
	return "eni-0" + hex.EncodeToString(sum[:8])
}

// Interfaces lists the network interfaces that MSK has in the caller's subnets:
// one for each broker of a provisioned cluster, one in each subnet of a
// serverless cluster and of a VPC connection.
func (s *Service) Interfaces(ctx context.Context, caller model.Caller) (out []Interface, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		clusters, err := readAll(tx, caller.Account, caller.Region)
		if err != nil {
			return err
		}
		for _, c := range clusters {
			out = append(out, c.interfaces()...)
		}
		connections, err := tx.List(vpcPrefix(caller.Account, caller.Region), "", store.MaxList)
		if err != nil {
			return err
		}
		for _, kv := range connections {
			v, _, err := store.GetJSON[vpcConnection](tx, kv.Key)
			if err != nil {
				return err
			}
			if !v.Deleted || s.cfg.Now().Before(v.Due) {
				out = append(out, v.interfaces()...)
			}
		}
		return nil
	})
	return out, err
}

func (v vpcConnection) interfaces() (out []Interface) {
	for _, subnet := range v.Subnets {
		out = append(out, Interface{
			ID: interfaceID(v.ARN + "/" + subnet), Subnet: subnet, Groups: v.SecurityGroups, Requester: "amazon-msk",
			Description: "DO NOT DELETE - Amazon MSK network interface for VPC connection " + v.ARN,
		})
	}
	return out
}

func (c *cluster) interfaces() (out []Interface) {
	about := "DO NOT DELETE - Amazon MSK network interface for cluster " + c.ARN
	if c.Serverless != nil {
		for i, v := range c.Serverless.VPCs {
			for _, subnet := range v.Subnets {
				out = append(out, Interface{
					ID: interfaceID(fmt.Sprintf("%s/%d/%s", c.ARN, i, subnet)), Subnet: subnet, Groups: v.SecurityGroups, Description: about, Requester: "amazon-msk",
				})
			}
		}
		return out
	}
	for _, b := range c.Brokers {
		out = append(out, Interface{
			ID: interfaceID(b.ARN), Subnet: b.Subnet, Groups: c.Provisioned.SecurityGroups, Description: about, Requester: "amazon-msk",
		})
	}
	return out
}

// groupVPCs asks for the VPC of every security group; those that do not exist
// are left out. It answers nil where nobody knows groups.
func (s *Service) groupVPCs(ctx context.Context, caller model.Caller, ids []string) (map[string]string, error) {
	if s.cfg.SecurityGroupVPC == nil {
		return nil, nil
	}
	known := map[string]string{}
	for _, id := range ids[:min(len(ids), maxServerlessVPCs*maxSecurityGroups)] {
		vpc, ok, err := s.cfg.SecurityGroupVPC(ctx, caller, id)
		if err != nil {
			return nil, fmt.Errorf("look up security group %s: %w", id, err)
		}
		if ok {
			known[id] = vpc
		}
	}
	return known, nil
}

// securityGroups is every group that a wish names, at most as many as it may.
func (w wish) securityGroups() (all []string) {
	if w.provisioned != nil {
		return w.provisioned.SecurityGroups
	}
	for _, v := range w.serverless.VPCs {
		all = append(all, v.SecurityGroups[:min(len(v.SecurityGroups), maxSecurityGroups)]...)
	}
	return all
}

// fillSecurityGroups gives the VPC's default group to a wish that names none.
func (s *Service) fillSecurityGroups(ctx context.Context, caller model.Caller, w wish, known map[string]Subnet) error {
	fill := func(groups *[]string, subnets []string) error {
		if s.cfg.DefaultSecurityGroup == nil || len(*groups) > 0 || len(subnets) == 0 || known[subnets[0]].VPC == "" {
			return nil
		}
		id, ok, err := s.cfg.DefaultSecurityGroup(ctx, caller, known[subnets[0]].VPC)
		if err == nil && ok {
			*groups = []string{id}
		}
		return err
	}
	if w.provisioned != nil {
		return fill(&w.provisioned.SecurityGroups, w.provisioned.Subnets)
	}
	for i := range w.serverless.VPCs {
		if err := fill(&w.serverless.VPCs[i].SecurityGroups, w.serverless.VPCs[i].Subnets); err != nil {
			return err
		}
	}
	return nil
}
