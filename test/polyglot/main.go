// stock-watch, a participant that is not ours: it knows proto/ and docs/asyncapi.json, and nothing
// of the kit. It hears of confirmed orders, and says of what they have left little.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	inventoryv1 "omnichannel/polyglot/generated/retail/inventory/v1"
	orderv1 "omnichannel/polyglot/generated/retail/order/v1"
)

const little = 5 // pieces

var client = http.Client{Timeout: 5 * time.Second}

type object = map[string]any

type watch struct {
	confirmed, lowStock *jsonschema.Schema
	orders              orderv1.OrderServiceClient
	stocks              inventoryv1.InventoryServiceClient
	publishURL          string
	signer              signer
}

func main() {
	schemas := jsonschema.NewCompiler()
	payload := os.Getenv("ASYNCAPI_FILE") + "#/components/messages/%s/payload"
	sidecar := must(grpc.NewClient("127.0.0.1:"+os.Getenv("DAPR_GRPC_PORT"),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"methodConfig":[{"name":[{}],"timeout":"5s"}]}`)))
	w := watch{
		confirmed:  must(schemas.Compile(fmt.Sprintf(payload, "OrderConfirmed"))),
		lowStock:   must(schemas.Compile(fmt.Sprintf(payload, "LowStockAlert"))),
		orders:     orderv1.NewOrderServiceClient(sidecar),
		stocks:     inventoryv1.NewInventoryServiceClient(sidecar),
		publishURL: "http://127.0.0.1:" + os.Getenv("DAPR_HTTP_PORT") + "/v1.0/publish/bus/",
		signer:     newSigner(os.Getenv("SERVICE_KEYS")),
	}
	http.HandleFunc("GET /health/ready", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("GET /dapr/subscribe", func(answer http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(answer, `[{"pubsubname":"bus","topic":"order.confirmed","route":"/confirmed"}]`)
	})
	http.HandleFunc("POST /confirmed", func(answer http.ResponseWriter, request *http.Request) {
		fmt.Fprintf(answer, `{"status":"%s"}`, w.hear(request.Body))
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

// hear acknowledges an event when all that follows from it is said: until then it comes again.
func (w watch) hear(body io.Reader) string {
	heard, err := read(w.confirmed, body)
	if err != nil {
		log.Printf("unreadable, and dropped: %v", err)
		return "DROP"
	}
	if err := w.look(heard, heard["data"].(object)); err != nil {
		log.Printf("%v, to be tried again: %v", heard["id"], err)
		return "RETRY"
	}
	return "SUCCESS"
}

// look asks what is left of each item. An order that was cancelled since has brought it back.
func (w watch) look(heard, data object) error {
	orderID, shopID := data["orderId"].(string), data["shopId"].(string)
	order, err := w.orders.GetOrder(w.to("order", heard), &orderv1.GetOrderRequest{OrderId: orderID})
	if err != nil || order.Status != "confirmed" {
		return err
	}
	for _, item := range order.Items {
		ask := &inventoryv1.GetStockRequest{ShopId: shopID, ProductId: item.ProductId}
		stock, err := w.stocks.GetStock(w.to("inventory", heard, item.ProductId), ask)
		if err == nil && stock.Available < little {
			err = w.say(heard, "inventory.low-stock", shopID+":"+item.ProductId, object{"shopId": shopID,
				"productId": item.ProductId, "currentStock": stock.Available, "minimumStock": little})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// say gives an event an id of its cause, type and subject: said again, it is the same event.
func (w watch) say(heard object, eventType, subject string, data object) error {
	said := object{"specversion": "1.0", "id": identity(heard["id"], eventType, subject), "type": eventType,
		"eventversion": 1, "source": "stock-watch", "subject": subject, "sequence": 0, "causationid": heard["id"],
		"time": time.Now().UTC().Format(time.RFC3339Nano), "datacontenttype": "application/json", "data": data}
	for _, name := range []string{"correlationid", "tenantid", "traceparent", "traceid"} {
		if value, there := heard[name]; there {
			said[name] = value
		}
	}
	body := must(json.Marshal(said))
	must(read(w.lowStock, bytes.NewReader(body))) // a fault of ours
	address := w.publishURL + eventType + "?metadata.partitionKey=" + url.QueryEscape(subject)
	answer, err := client.Post(address, "application/cloudevents+json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s was not published: %s", eventType, answer.Status)
	}
	return nil
}

// to is the context of a call of an app: with the call's own identity, and what caused it.
func (w watch) to(app string, heard object, of ...any) context.Context {
	return metadata.AppendToOutgoingContext(context.Background(), "dapr-app-id", app,
		"x-service-token", w.signer.token(app),
		"x-cause-id", identity(append(of, heard["id"], app)...), "x-user-role", "service",
		"x-correlation-id", heard["correlationid"].(string), "x-tenant-id", heard["tenantid"].(string))
}

func identity(parts ...any) string {
	hash := sha256.Sum256(must(json.Marshal(parts)))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

func read(schema *jsonschema.Schema, body io.Reader) (object, error) {
	value, err := jsonschema.UnmarshalJSON(body)
	if err != nil {
		return nil, err
	}
	event, _ := value.(object) // what is none is not valid
	return event, schema.Validate(value)
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
