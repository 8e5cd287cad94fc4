// stock-watch is an external participant: it uses proto/ and docs/asyncapi.json, and nothing of the
// kit. It handles confirmed orders and publishes an alert for each product of which they left few pieces.
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

const minimumStock = 5 // pieces

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
	http.HandleFunc("GET /dapr/subscribe", func(response http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(response, `[{"pubsubname":"bus","topic":"order.confirmed","route":"/confirmed"}]`)
	})
	http.HandleFunc("POST /confirmed", func(response http.ResponseWriter, request *http.Request) {
		if request.Header.Get("dapr-api-token") != os.Getenv("APP_API_TOKEN") {
			response.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(response, `{"status":"%s"}`, w.handle(request.Body))
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

// handle acknowledges an event after all alerts are published: until then the broker redelivers it.
func (w watch) handle(body io.Reader) string {
	event, err := read(w.confirmed, body)
	if err != nil {
		log.Printf("dropped an unreadable event: %v", err)
		return "DROP"
	}
	if event["type"] != "order.confirmed" || event["source"] != "order" || !w.signer.verify(event) {
		log.Printf("dropped an event that the order service has not published: %v", event["id"])
		return "DROP"
	}
	if err := w.checkStock(event, event["data"].(object)); err != nil {
		log.Printf("%v will be retried: %v", event["id"], err)
		return "RETRY"
	}
	return "SUCCESS"
}

// checkStock reads the stock of each item, unless the order was cancelled since, which releases them.
func (w watch) checkStock(event, data object) error {
	orderID, shopID := data["orderId"].(string), data["shopId"].(string)
	order, err := w.orders.GetOrder(w.to("order", event), &orderv1.GetOrderRequest{OrderId: orderID})
	if err != nil || order.Status != "confirmed" {
		return err
	}
	for _, item := range order.Items {
		request := &inventoryv1.GetStockRequest{ShopId: shopID, ProductId: item.ProductId}
		stock, err := w.stocks.GetStock(w.to("inventory", event, item.ProductId), request)
		if err == nil && stock.Available < minimumStock {
			err = w.publish(event, "inventory.low-stock", shopID+":"+item.ProductId, object{"shopId": shopID,
				"productId": item.ProductId, "currentStock": stock.Available, "minimumStock": minimumStock})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// publish derives the id of an event from its cause, type and subject, so that a retry publishes the
// same event.
func (w watch) publish(cause object, eventType, subject string, data object) error {
	event := object{"specversion": "1.0", "id": deterministicID(cause["id"], eventType, subject), "type": eventType,
		"eventversion": 1, "source": "stock-watch", "subject": subject, "sequence": 0, "causationid": cause["id"],
		"time": time.Now().UTC().Format(time.RFC3339Nano), "datacontenttype": "application/json", "data": data}
	for _, name := range []string{"correlationid", "tenantid", "traceparent", "traceid"} {
		if value, exists := cause[name]; exists {
			event[name] = value
		}
	}
	event["signature"] = w.signer.sign(event)
	body := must(json.Marshal(event))
	must(read(w.lowStock, bytes.NewReader(body))) // invalid only by a bug of this program
	address := w.publishURL + eventType + "?metadata.partitionKey=" + url.QueryEscape(subject)
	request := must(http.NewRequest(http.MethodPost, address, bytes.NewReader(body)))
	request.Header.Set("Content-Type", "application/cloudevents+json")
	request.Header.Set("dapr-api-token", os.Getenv("DAPR_API_TOKEN"))
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s was not published: %s", eventType, response.Status)
	}
	return nil
}

// to is the context of a call to an app, with an idempotency key derived from the event and the key.
func (w watch) to(app string, event object, key ...any) context.Context {
	return metadata.AppendToOutgoingContext(context.Background(), "dapr-app-id", app,
		"dapr-api-token", os.Getenv("DAPR_API_TOKEN"), "x-service-token", w.signer.token(app),
		"x-cause-id", deterministicID(append(key, event["id"], app)...), "x-user-role", "service",
		"x-correlation-id", event["correlationid"].(string), "x-tenant-id", event["tenantid"].(string))
}

func deterministicID(parts ...any) string {
	hash := sha256.Sum256(must(json.Marshal(parts)))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

func read(schema *jsonschema.Schema, body io.Reader) (object, error) {
	value, err := jsonschema.UnmarshalJSON(body)
	if err != nil {
		return nil, err
	}
	event, _ := value.(object) // the schema refuses anything but an object
	return event, schema.Validate(value)
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
